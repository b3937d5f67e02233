/*
  What the sketch needs to know about your network and your server.

  Replace everything in < > with your own text. When server.py starts, it prints the two
  lines for SECRET_SERVER and SECRET_PORT: copy them from its terminal.

  Don't publish this file with your password in it. If you keep the sketch in git, type:
  git update-index --skip-worktree arduino_secrets.h
*/
#define SECRET_SSID "<name of your Wi-Fi network>"
#define SECRET_PASS "<password of your Wi-Fi network>"
#define SECRET_SERVER "<address that server.py prints>"
#define SECRET_PORT 8080
#define SECRET_PATH "/"
