// The ESP32's client for TLS.
#pragma once
#include "WiFi.h"

class WiFiClientSecure : public WiFiClient {
public:
  void setInsecure() {}
};
