// The ESP32's client for TLS. From version 3 of the core on it does not bring WiFi.h along.
#pragma once
#include "host_wifi.h"

class WiFiClientSecure : public WiFiClient {
public:
  void setInsecure() {}
  void setCACert(const char *certificate) { (void)certificate; }
};
