// The ESP8266's WiFi, mostly for a type check. begin() returns at once.
#pragma once
#define HOST_ESP8266
#define HOST_LED_ON LOW
#define HOST_JOINING_STATUS WL_DISCONNECTED
#define HOST_PASSWORD_STATUS WL_WRONG_PASSWORD
#include "host_wifi.h"
#define HOST_NOTHING_READ -1
#define HOST_CONNECT_FAILS_AFTER 5000

typedef enum WiFiMode { WIFI_OFF = 0, WIFI_STA = 1, WIFI_AP = 2, WIFI_AP_STA = 3 } WiFiMode_t;

class WiFiClientSecure : public WiFiClient {
public:
  void setInsecure() {}
};

class ESP8266WiFiClass {
public:
  bool mode(WiFiMode_t) { return true; }
  wl_status_t begin(const char *network, const char *password = NULL, int32_t channel = 0) {
    (void)channel;
    return host::radioBegin(network, password ? password : "", 0);
  }
  wl_status_t status() { return host::radioStatus(); }
  IPAddress localIP() { return host::localAddress(); }
  String SSID() const { return "class"; }
};
extern ESP8266WiFiClass WiFi;
