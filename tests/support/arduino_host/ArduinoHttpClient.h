// The WebSocket client of ArduinoHttpClient 0.6.1, written anew for the tests with the same
// traps: begin() goes to "/" unless told otherwise and takes any answer for a connection,
// stop() sets the time limit to 30 s, a message over 128 bytes is cut to 8, bytes that have
// not arrived are read as 255, and a connection lost inside a message is never noticed.
#pragma once
#include "Arduino.h"

static const int HTTP_SUCCESS = 0;
static const int HTTP_ERROR_CONNECTION_FAILED = -1;
static const int HTTP_ERROR_API = -2;
static const int HTTP_ERROR_TIMED_OUT = -3;
static const int HTTP_ERROR_INVALID_RESPONSE = -4;

class HttpClient : public Client {
public:
  HttpClient(Client &client, const char *server, uint16_t port = 80);
  void beginRequest();
  void endRequest();
  int get(const char *path);
  void sendHeader(const char *name, const char *value);
  int responseStatusCode();
  int skipResponseHeaders();
  bool endOfHeadersReached() { return state_ == READING_BODY; }
  void connectionKeepAlive() { closes_ = false; }
  virtual size_t write(uint8_t letter) { return HttpClient::write(&letter, 1); }
  virtual size_t write(const uint8_t *bytes, size_t count);
  virtual int available() { return client_->available(); }
  virtual int read() { return client_->read(); }
  virtual int read(uint8_t *buffer, size_t size) { return client_->read(buffer, size); }
  virtual int peek() { return client_->peek(); }
  virtual void flush() { client_->flush(); }
  virtual int connect(IPAddress ip, uint16_t port) { return client_->connect(ip, port); }
  virtual int connect(const char *host, uint16_t port) { return client_->connect(host, port); }
  virtual void stop();
  virtual uint8_t connected() { return client_->connected(); }
  virtual operator bool() { return client_ != NULL; }
  virtual uint32_t httpResponseTimeout() { return timeout_; }
  virtual void setHttpResponseTimeout(uint32_t timeout) { timeout_ = timeout; }
  using Print::write;

protected:
  enum State { IDLE, REQUEST_STARTED, REQUEST_SENT, READING_HEADERS, READING_BODY };
  void reset();
  int readInTime();
  State state_;

private:
  Client *client_;
  const char *server_;
  uint16_t port_;
  bool closes_;
  uint32_t timeout_;
};

#ifndef WS_TX_BUFFER_SIZE
#define WS_TX_BUFFER_SIZE 128
#endif

static const int TYPE_CONTINUATION = 0x0;
static const int TYPE_TEXT = 0x1;
static const int TYPE_BINARY = 0x2;
static const int TYPE_CONNECTION_CLOSE = 0x8;
static const int TYPE_PING = 0x9;
static const int TYPE_PONG = 0xa;

class WebSocketClient : public HttpClient {
public:
  WebSocketClient(Client &client, const char *server, uint16_t port = 80);
  int begin(const char *path = "/");
  int beginMessage(int type);
  int endMessage();
  int parseMessage();
  int messageType() { return opcode_ & 0x0F; }
  bool isFinal() { return opcode_ & 0x80; }
  String readString();
  int ping();
  virtual size_t write(uint8_t letter) { return write(&letter, 1); }
  virtual size_t write(const uint8_t *bytes, size_t count);
  virtual int available();
  virtual int read();
  virtual int read(uint8_t *buffer, size_t size);
  virtual int peek();
  using Print::write;

private:
  void flushRx();
  bool sending_;
  uint8_t type_;
  uint8_t out_[WS_TX_BUFFER_SIZE];
  uint64_t outSize_;
  uint8_t opcode_;
  uint64_t left_;
  bool masked_;
  int maskIndex_;
  uint8_t mask_[4];
};
