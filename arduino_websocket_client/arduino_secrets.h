/*
  What the sketch has to know about your network and your server.

  Put your own text where everything in < > stands. server.py prints the two lines for
  SECRET_SERVER and SECRET_PORT when it starts: copy them from its window.

  Do not publish this file with your password in it. If you keep the sketch in git:
  git update-index --skip-worktree arduino_secrets.h
*/
#define SECRET_SSID "<name of your Wi-Fi network>"
#define SECRET_PASS "<password of your Wi-Fi network>"
#define SECRET_SERVER "<address that server.py prints>"
#define SECRET_PORT 8080
#define SECRET_PATH "/"
