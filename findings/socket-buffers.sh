#!/usr/bin/env bash
#
# socket.io 4.8.4, socket.io-client 4.8.4, partysocket 1.3.0, ws 8.23.0
#
# Expectation: Messages written while the network is away are kept for the next try; both say so. An explicit
# disconnect() or close() ends that: what one connection's user wrote is not part of a connection that is opened
# afterwards with another token.
#
# Seen: The messages stay in the buffer over disconnect() and close(), and go out first on the next connection,
# under the new token. Socket.IO asks the auth function anew and sends the old messages after it.
#
# Who is hurt: Sign-out and sign-in of another person in one page while a connection was away: what the first wrote
# arrives at the server as the second's. Local-first apps meet it most, since being away is their usual state.
#
# Remedy: A new socket object for each identity; in Socket.IO socket.sendBuffer = [] at sign-out, or volatile
# messages; in partysocket maxEnqueuedMessages: 0 and an outbox of one's own that knows whose messages it holds.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  socket.io@4.8.4 socket.io-client@4.8.4 partysocket@1.3.0 ws@8.23.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createServer } from 'node:http'
import PartySocket from 'partysocket/ws'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { WebSocket, WebSocketServer } from 'ws'

const event = (target, name) => new Promise((resolve) => target.addEventListener(name, resolve, { once: true }))
const once = (target, name) => new Promise((resolve) => target.once(name, resolve))

const http = createServer()
const server = new Server(http)
server.on('connection', (socket) => {
  socket.on('note', (note) => console.log('Socket.IO:', note, 'arrives as', socket.handshake.auth.token))
})
await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))
let token = 'ada'
const client = io(`http://127.0.0.1:${http.address().port}`, {
  auth: (give) => give({ token }),
  transports: ['websocket'],
})
await once(client, 'connect')
const lost = once(client, 'disconnect')
for (const socket of server.sockets.sockets.values()) socket.conn.close()
await lost
client.emit('note', 'note of ada')
client.disconnect()
token = 'bob'
client.connect()
await once(client, 'connect')
await client.timeout(1000).emitWithAck('last').catch(() => {})
client.disconnect()
await server.close()

const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' })
await once(sockets, 'listening')
let person = 'ada'
const party = new PartySocket(() => `ws://127.0.0.1:${sockets.address().port}/?as=${person}`, [], { WebSocket })
const first = once(sockets, 'connection')
await event(party, 'open')
await first
const gone = event(party, 'close')
for (const socket of sockets.clients) socket.terminate()
await gone
party.send('note of ada')
party.close()
person = 'bob'
sockets.on('connection', (socket, request) => {
  socket.on('message', (note) => {
    console.log('partysocket:', String(note), 'arrives at', request.url)
    process.exit(0)
  })
})
party.reconnect()
SCRIPT

cat >surprise.txt <<'OUTPUT'
Socket.IO: note of ada arrives as bob
partysocket: note of ada arrives at /?as=bob
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: socket.io 4.8.4, socket.io-client 4.8.4, partysocket 1.3.0, ws 8.23.0'
echo 'expected: nothing of ada after her disconnect'
echo 'seen:     her message arrives as bob'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
