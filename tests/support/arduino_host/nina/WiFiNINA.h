// WiFiNINA: begin() waits up to 50 s, less after setTimeout(). An attempt to connect that
// fails takes 18.5 s. read() of several bytes returns 0 when there are none. A network that
// can't be found and a wrong password have the same state.
#pragma once
#define HOST_NO_NETWORK_STATUS WL_CONNECT_FAILED
#include "host_wifi.h"
#define HOST_NOTHING_READ 0
#define HOST_CONNECT_FAILS_AFTER 18500

class WiFiSSLClient : public WiFiClient {};

class WiFiClass {
public:
  int begin(const char *network) { return begin(network, ""); }
  int begin(const char *network, const char *password) {
    wl_status_t status = host::radioBegin(network, password, timeout_);
    return status == WL_CONNECTED || status == WL_CONNECT_FAILED ? status : -1;
  }
  void setTimeout(unsigned long timeout) { timeout_ = timeout; }
  int disconnect();
  uint8_t status() { return host::radioStatus(); }
  IPAddress localIP() { return host::localAddress(); }
  const char *SSID() { return "class"; }

private:
  unsigned long timeout_ = 50000;
};
extern WiFiClass WiFi;
