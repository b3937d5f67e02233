// The WiFi of the boards with Mbed OS (Portenta H7, GIGA R1, Opta), mostly for a type check.
// begin() waits as long as joining takes, and there is no setTimeout().
#pragma once
#ifndef ARDUINO_OPTA
#define HOST_LED_ON LOW
#endif
#define HOST_NO_NETWORK_STATUS WL_CONNECT_FAILED
#include "host_wifi.h"
#define HOST_NOTHING_READ 0
#define HOST_CONNECT_FAILS_AFTER 5000

class WiFiClass {
public:
  int begin(const char *network) { return begin(network, ""); }
  int begin(const char *network, const char *password) {
    return host::radioBegin(network, password, 60000);
  }
  uint8_t status() { return host::radioStatus(); }
  IPAddress localIP() { return host::localAddress(); }
  char *SSID();
};
extern WiFiClass WiFi;
