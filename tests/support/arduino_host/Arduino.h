// The part of the Arduino language that the sketch uses, declared as the boards' cores
// declare it. host.cpp has the bodies for this computer; a cross compiler that only checks
// types needs no more than this. millis() counts in 32 bits, as on every board.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t byte;
typedef bool boolean;

// The newer cores have enums here: digitalWrite(pin, true) does not compile with them.
enum PinStatus { LOW = 0, HIGH = 1 };
enum PinMode { INPUT = 0, OUTPUT = 1, INPUT_PULLUP = 2 };
#ifndef HOST_NO_LED
#define LED_BUILTIN 13
#endif
static const uint8_t A0 = 14;

uint32_t millis();
uint32_t micros();
void delay(uint32_t ms);
void pinMode(uint8_t pin, PinMode mode);
void digitalWrite(uint8_t pin, PinStatus value);
int analogRead(uint8_t pin);
long random(long howBig);
long random(long from, long to);
void randomSeed(unsigned long seed);

class StringSumHelper;

class String {
public:
  String(const char *text = "");
  String(const String &other);
  explicit String(char letter);
  explicit String(unsigned char number, unsigned char base = 10);
  explicit String(int number, unsigned char base = 10);
  explicit String(unsigned int number, unsigned char base = 10);
  explicit String(long number, unsigned char base = 10);
  explicit String(unsigned long number, unsigned char base = 10);
  ~String();
  String &operator=(const String &other);
  String &operator=(const char *text);
  String &operator+=(const String &other);
  String &operator+=(const char *text);
  String &operator+=(char letter);

  friend StringSumHelper &operator+(const StringSumHelper &left, const String &right);
  friend StringSumHelper &operator+(const StringSumHelper &left, const char *right);
  friend StringSumHelper &operator+(const StringSumHelper &left, char right);
  friend StringSumHelper &operator+(const StringSumHelper &left, unsigned char right);
  friend StringSumHelper &operator+(const StringSumHelper &left, int right);
  friend StringSumHelper &operator+(const StringSumHelper &left, unsigned int right);
  friend StringSumHelper &operator+(const StringSumHelper &left, long right);
  friend StringSumHelper &operator+(const StringSumHelper &left, unsigned long right);

  bool operator==(const String &other) const;
  bool operator==(const char *text) const;
  bool operator!=(const char *text) const;
  bool startsWith(const String &start) const;
  bool endsWith(const String &end) const;
  char operator[](unsigned int index) const;
  char &operator[](unsigned int index);
  unsigned int length() const { return length_; }
  const char *c_str() const { return text_; }
  bool reserve(unsigned int size);
  bool concat(const char *bytes, unsigned int count);
  int indexOf(char letter) const;
  int indexOf(const String &text) const;
  String substring(unsigned int from, unsigned int to) const;
  void replace(const String &find, const String &by);
  void trim();
  void toLowerCase();
  long toInt() const;

private:
  char *text_;
  unsigned int capacity_, length_;
};

class StringSumHelper : public String {
public:
  StringSumHelper(const String &other) : String(other) {}
  StringSumHelper(const char *text) : String(text) {}
  StringSumHelper(char letter) : String(letter) {}
  StringSumHelper(unsigned char number) : String(number) {}
  StringSumHelper(int number) : String(number) {}
  StringSumHelper(unsigned int number) : String(number) {}
  StringSumHelper(long number) : String(number) {}
  StringSumHelper(unsigned long number) : String(number) {}
};

class Print;
class Printable {
public:
  virtual size_t printTo(Print &out) const = 0;
};

class Print {
public:
  virtual size_t write(uint8_t letter) = 0;
  virtual size_t write(const uint8_t *bytes, size_t count);
  size_t write(const char *text) { return write((const uint8_t *)text, strlen(text)); }
  size_t write(const char *bytes, size_t count) { return write((const uint8_t *)bytes, count); }
  size_t print(const String &text);
  size_t print(const char text[]);
  size_t print(char letter);
  size_t print(unsigned char number, int base = 10);
  size_t print(int number, int base = 10);
  size_t print(unsigned int number, int base = 10);
  size_t print(long number, int base = 10);
  size_t print(unsigned long number, int base = 10);
  size_t print(const Printable &thing);
  size_t println();
  template <class Thing> size_t println(const Thing &thing) { return print(thing) + println(); }
  virtual void flush() {}
};

class Stream : public Print {
public:
  virtual int available() = 0;
  virtual int read() = 0;
  virtual int peek() = 0;
  String readStringUntil(char end);  // waits up to 1 s for each byte
};

class IPAddress : public Printable {
public:
  IPAddress() : address_(0) {}
  IPAddress(uint32_t address) : address_(address) {}
  IPAddress(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
      : address_((uint32_t)d << 24 | (uint32_t)c << 16 | (uint32_t)b << 8 | a) {}
  operator uint32_t() const { return address_; }
  size_t printTo(Print &out) const;

private:
  uint32_t address_;  // the first number in the lowest byte
};

class Client : public Stream {
public:
  virtual int connect(IPAddress ip, uint16_t port) = 0;
  virtual int connect(const char *host, uint16_t port) = 0;
  virtual size_t write(uint8_t letter) = 0;
  virtual size_t write(const uint8_t *bytes, size_t count) = 0;
  virtual int available() = 0;
  virtual int read() = 0;
  virtual int read(uint8_t *buffer, size_t size) = 0;
  virtual int peek() = 0;
  virtual void flush() = 0;
  virtual void stop() = 0;
  virtual uint8_t connected() = 0;
  virtual operator bool() = 0;
};

class SerialPort : public Stream {
public:
  void begin(unsigned long baud);
  operator bool() { return true; }
  size_t write(uint8_t letter);
  using Print::write;
  int available();
  int read();
  int peek();
};
extern SerialPort Serial;
