// The peer from npm: the same chat as ws_server_example, on the package ws.
const { WebSocket, WebSocketServer } = require("ws");

const server = new WebSocketServer({ port: Number(process.env.PORT) });

server.on("connection", (socket, request) => {
  const address = request.socket.remoteAddress.replace("::ffff:", "");
  console.log("New Connection");
  socket.on("error", () => {});
  socket.on("close", () => console.log("connection closed"));
  socket.on("message", (message) => {
    const text = `${address}: ${message}`;
    console.log(text.slice(0, 100));
    const answer = JSON.stringify(text);
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(answer);
    }
  });
});
