// The Raspberry Pi Pico W's WiFi (arduino-pico), for a type check. begin() waits up to 30 s.
#pragma once
#define HOST_NO_NETWORK_STATUS WL_CONNECT_FAILED
#include "host_wifi.h"
#define HOST_NOTHING_READ -1
#define HOST_CONNECT_FAILS_AFTER 5000

class WiFiClass {
public:
  int begin(const char *network) { return begin(network, NULL); }
  int begin(const char *network, const char *password, const uint8_t *bssid = NULL) {
    (void)bssid;
    return host::radioBegin(network, password ? password : "", 2 * timeout_);
  }
  void setTimeout(unsigned long timeout) { timeout_ = timeout; }
  uint8_t status() { return host::radioStatus(); }
  IPAddress localIP() { return host::localAddress(); }
  const String &SSID();

private:
  unsigned long timeout_ = 15000;
};
extern WiFiClass WiFi;
