// The client for TLS of the boards with Mbed OS: WiFi.h does not bring it along.
#pragma once
#include "WiFi.h"

class WiFiSSLClient : public WiFiClient {};
