// The ESP32's WiFi: begin() returns at once, and there is no setTimeout(). An attempt to
// connect that is refused fails at once. read() of several bytes can return -1. connected()
// is false as soon as the other side has ended, though bytes may wait.
#pragma once
#define HOST_ESP32
#define HOST_FIRST_STATUS WL_STOPPED
#define HOST_JOINING_STATUS WL_DISCONNECTED
#define HOST_CONNECTED_IS_OPEN 1
#include "host_wifi.h"
#define HOST_NOTHING_READ -1
#define HOST_CONNECT_FAILS_AFTER 0

class WiFiClass {
public:
  wl_status_t begin(const char *network, const char *password = NULL, int32_t channel = 0) {
    (void)channel;
    return host::radioBegin(network, password ? password : "", 0);
  }
  bool disconnect(bool off = false, bool erase = false);
  static wl_status_t status() { return host::radioStatus(); }
  IPAddress localIP() { return host::localAddress(); }
  String SSID() const { return "class"; }
};
extern WiFiClass WiFi;
