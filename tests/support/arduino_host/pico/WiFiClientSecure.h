// The Pico W's client for TLS.
#pragma once
#include "host_wifi.h"

class WiFiClientSecure : public WiFiClient {
public:
  void setInsecure() {}
};
