import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Server, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startOnPort, untilPrinted } from '../tools/servers/on-port.mjs'

/** A program that has to be told its port, as a database has. */
const PROGRAM = `
  const [, port] = process.argv
  require('node:net').createServer().listen(port, '127.0.0.1', () => console.log('listening on ' + port))
`

async function listenOn(port: number): Promise<Server> {
  const server = createServer()
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return server
}

test('a program whose port was taken before it started has another one', async () => {
  const others = new Map<number, Server>()
  const { child, port } = await startOnPort(async (port) => {
    if (others.size < 2) others.set(port, await listenOn(port))
    const child = spawn(process.execPath, ['--eval', PROGRAM, String(port)])
    await untilPrinted(child, `listening on ${port}`)
    return { child, port }
  })
  expect([...others.keys()]).not.toContain(port)
  expect(others.size).toBe(2)
  child.kill()
  await once(child, 'close')
  for (const other of others.values()) other.close()
})

test('a program that ends for another reason is started once, and what it said is reported', async () => {
  let starts = 0
  const started = startOnPort(() => {
    starts++
    return untilPrinted(spawn(process.execPath, ['--eval', 'throw new Error("no licence")']), 'ready')
  })
  await expect(started).rejects.toThrow('no licence')
  expect(starts).toBe(1)
})
