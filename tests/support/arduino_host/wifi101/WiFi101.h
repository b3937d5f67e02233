// WiFi101: begin() waits up to 60 s, less after setTimeout(), and what is not joined by then
// is given up. A network that is lost or can't be found and a wrong password have the same
// state, and begin() returns with it. An attempt to connect that fails takes 20 s. read() of
// several bytes returns -1 when there are none, so that the read() of ArduinoHttpClient
// returns rubbish.
#pragma once
#define HOST_NO_NETWORK_STATUS WL_DISCONNECTED
#define HOST_PASSWORD_STATUS WL_DISCONNECTED
#define HOST_LOST_STATUS WL_DISCONNECTED
#include "host_wifi.h"
#define HOST_NOTHING_READ -1
#define HOST_CONNECT_FAILS_AFTER 20000

class WiFiSSLClient : public WiFiClient {};

class WiFiClass {
public:
  uint8_t begin(const char *network) { return begin(network, ""); }
  uint8_t begin(const char *network, const char *password) {
    wl_status_t status = host::radioBegin(network, password, timeout_);
    if (status != WL_CONNECTED) host::radioGiveUp();
    return status;
  }
  void setTimeout(unsigned long timeout) { timeout_ = timeout; }
  void disconnect();
  uint8_t status() { return host::radioStatus(); }
  uint32_t localIP() { return host::localAddress(); }
  char *SSID();

private:
  unsigned long timeout_ = 60000;
};
extern WiFiClass WiFi;
