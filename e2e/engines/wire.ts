import { type Socket, connect, createServer } from 'node:net'

/** The network between a client and a sync server that runs on a port of its own. */
export async function openWire(port: number) {
  const open = new Set<Socket>()
  let isOnline = true
  const server = createServer((client) => {
    if (!isOnline) return void client.destroy()
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from)
      from.on('error', () => {}).on('close', () => (open.delete(from), to.destroy()))
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port: own } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${own}`,
    get online() {
      return isOnline
    },
    set online(online) {
      isOnline = online
      if (!online) open.forEach((socket) => socket.destroy())
    },
    async close() {
      open.forEach((socket) => socket.destroy())
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
