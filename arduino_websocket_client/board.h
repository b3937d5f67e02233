/*
  Picks the Wi-Fi library of your board

  You can skip this tab. Every board's software defines its own name, and #if checks for
  it. Each part includes the library and has prepareWiFi(). On most boards, WiFi.begin()
  waits until the board has joined the network; setTimeout() makes it return sooner. The
  radio keeps joining by itself, except on the MKR1000: there, begin() waits up to 60 s.

  WiFiSSLClient is the client for TLS (wss://). Most libraries use this name.
*/
#pragma once
#include <Arduino.h>

#if defined(ARDUINO_SAMD_MKR1000)
// MKR1000. Checks the server with root certificates in the radio's memory.
#include <WiFi101.h>
void prepareWiFi() {}
#define NOT_FOUND WL_DISCONNECTED

#elif defined(ARDUINO_SAMD_MKRWIFI1010) || defined(ARDUINO_SAMD_NANO_33_IOT) || \
    defined(ARDUINO_NANO_RP2040_CONNECT) || defined(ARDUINO_SAMD_MKRVIDOR4000) || \
    defined(ARDUINO_AVR_UNO_WIFI_REV2)
// MKR WiFi 1010, Nano 33 IoT, Nano RP2040 Connect, MKR Vidor 4000, Uno WiFi Rev2. Checks
// the server with root certificates in the radio's memory.
#include <WiFiNINA.h>
void prepareWiFi() { WiFi.setTimeout(500); }
#define NOT_FOUND WL_CONNECT_FAILED
#define MAY_HAVE_FAILED WL_DISCONNECTED

#elif defined(ARDUINO_UNOR4_WIFI)
// UNO R4 WiFi. Checks the server with root certificates in the radio's memory.
#include <WiFiS3.h>
void prepareWiFi() { WiFi.setTimeout(500); }

#elif defined(ARDUINO_PORTENTA_H7_M7) || defined(ARDUINO_GIGA) || defined(ARDUINO_OPTA)
// Portenta H7, GIGA R1 WiFi, Opta WiFi. Checks the server with root certificates in the
// board's memory.
#include <WiFi.h>
#include <WiFiSSLClient.h>
void prepareWiFi() {}

#elif defined(ARDUINO_ARCH_ESP32)
// Nano ESP32 and other ESP32 boards. Checks the server if arduino_secrets.h has its root
// certificate. Without it, the connection is encrypted, but anyone could be at the other end.
#include <WiFi.h>
#include <WiFiClientSecure.h>
void prepareWiFi() {}
struct WiFiSSLClient : WiFiClientSecure {
  WiFiSSLClient() {
#ifdef SECRET_ROOT_CERTIFICATE
    setCACert(SECRET_ROOT_CERTIFICATE);
#else
    setInsecure();
#endif
  }
};

#elif defined(ARDUINO_ARCH_ESP8266)
// NodeMCU, D1 mini, and other ESP8266 boards. Doesn't check the server: for that, the board
// would need to know the date and the time.
#include <ESP8266WiFi.h>
void prepareWiFi() { WiFi.mode(WIFI_STA); }
struct WiFiSSLClient : WiFiClientSecure {
  WiFiSSLClient() { setInsecure(); }
};

#elif defined(ARDUINO_RASPBERRY_PI_PICO_W) || defined(ARDUINO_RASPBERRY_PI_PICO_2W)
// Raspberry Pi Pico W and Pico 2 W. Doesn't check the server, like ESP8266 boards.
#include <WiFi.h>
#include <WiFiClientSecure.h>
void prepareWiFi() {}
struct WiFiSSLClient : WiFiClientSecure {
  WiFiSSLClient() { setInsecure(); }
};

#else
#error "board.h knows MKR1000, MKR WiFi 1010, Nano 33 IoT, Nano RP2040 Connect, Uno WiFi Rev2, \
UNO R4 WiFi, Portenta H7, GIGA R1, Opta, ESP32, ESP8266 and Pico W. Choose one of them in the \
menu Tools > Board, or add yours there."
#endif

// The state of the radio when there is no network with this name.
#ifndef NOT_FOUND
#define NOT_FOUND WL_NO_SSID_AVAIL
#endif

// Returns whether the board has joined the network. The UNO R4 WiFi says so a few seconds
// before it has an address, and until then it can't reach anyone. Asking the radio takes time,
// so once there is an address, it isn't asked for again.
bool isJoined() {
  static bool hasAddress = false;
  if (WiFi.status() != WL_CONNECTED) {
    hasAddress = false;
  } else if (!hasAddress) {
    hasAddress = (uint32_t)IPAddress(WiFi.localIP()) != 0;
  }
  return hasAddress;
}

// Returns how long to wait before the next attempt to join, in milliseconds: not long if the
// radio has given up. With WiFiNINA, one state can mean either, and slow networks need 20 s.
const unsigned long joinTime = 60000;
unsigned long joinLimit() {
  int status = WiFi.status();
  if (status == WL_CONNECT_FAILED || status == NOT_FOUND) {
    return 10000;
  }
#ifdef MAY_HAVE_FAILED
  if (status == MAY_HAVE_FAILED) {
    return 25000;
  }
#endif
  return joinTime;
}

// Many ESP32 boards have their LED on pin 2, but don't define LED_BUILTIN.
#ifndef LED_BUILTIN
#define LED_BUILTIN 2
#endif

// On some boards, LOW switches the LED on: it's between the pin and the positive supply.
#if defined(ARDUINO_ARCH_ESP8266) || defined(ARDUINO_PORTENTA_H7_M7) || defined(ARDUINO_GIGA)
#define LED_ON LOW
#define LED_OFF HIGH
#else
#define LED_ON HIGH
#define LED_OFF LOW
#endif

// How many bytes of a message to keep. An AVR board has 6 KB of memory, the others 32 KB
// or more.
#ifdef __AVR__
const unsigned int longestMessage = 1000;
#else
const unsigned int longestMessage = 4000;
#endif
