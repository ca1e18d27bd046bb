/* wget --spider, and nothing else of wget: succeeds if a GET of the last argument,
 * http://ADDRESS:PORT/PATH with an IPv4 address, is answered with status 200. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **arguments) {
  char host[64], path[256], request[512], answer[13] = "";
  int port, length = 0, n;
  struct sockaddr_in server = {.sin_family = AF_INET};

  if (count < 2 ||
      sscanf(arguments[count - 1], "http://%63[0-9.]:%d%255s", host, &port, path) != 3 ||
      inet_pton(AF_INET, host, &server.sin_addr) != 1)
    return 2;
  server.sin_port = htons(port);
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connection < 0 || connect(connection, (struct sockaddr *)&server, sizeof server))
    return 4;
  snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
  if (write(connection, request, strlen(request)) < 0)
    return 4;
  while (length < 12 && (n = read(connection, answer + length, 12 - length)) > 0)
    length += n;
  return strcmp(answer + 9, "200") ? 8 : 0;
}
