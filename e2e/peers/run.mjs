// Runs each adapter on the installed version of its peer. Ends with 1 at the first difference.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { chromium } from '@playwright/test'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import * as onExpress from 'latchkey/express'
import * as onFastify from 'latchkey/fastify'
import * as onHono from 'latchkey/hono'
import { createDevice } from 'latchkey/playwright'
import { useAuth } from 'latchkey/react'
import { createSessionResolver } from 'latchkey/server'
import { testDevice } from 'latchkey/testing'
import { createUpgradeHandler, socketSessionOf } from 'latchkey/ws'
import React from 'react'
import TestRenderer from 'react-test-renderer'
import WebSocket, * as wsModule from 'ws'

// Version 8 has a name for it; version 7 has only the property.
const Server = wsModule['WebSocketServer'] ?? WebSocket.Server

const AUDIENCE = 'https://notes.example'
const device = await testDevice()
const headers = { authorization: `Bearer ${await device.token({ audience: AUDIENCE })}` }
const resolver = createSessionResolver({ localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' } })

/** @param {import('node:http').Server} server */
async function listen(server) {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`
}

const CHECKS = {
  async express() {
    const app = express()
    app.get('/', onExpress.authenticate(resolver), (request, response) =>
      response.json(onExpress.sessionOf(request).principal),
    )
    const server = createServer(app)
    const url = `http://${await listen(server)}/`
    assert.equal((await fetch(url)).status, 401)
    assert.equal(await (await fetch(url, { headers })).json(), device.principal)
    server.close()
    server.closeAllConnections()
  },
  async fastify() {
    const server = fastify()
    await server.register(onFastify.authenticate, { resolver })
    server.get('/', async (request) => request.latchkey.principal)
    assert.equal((await server.inject('/')).statusCode, 401)
    assert.equal((await server.inject({ url: '/', headers })).body, device.principal)
    await server.close()
  },
  async hono() {
    const app = new Hono()
    app.use('*', onHono.authenticate(resolver))
    app.get('/', (context) => context.text(context.get('session').principal))
    assert.equal((await app.request(`${AUDIENCE}/`)).status, 401)
    assert.equal(await (await app.request(`${AUDIENCE}/`, { headers })).text(), device.principal)
  },
  async ws() {
    const sockets = new Server({ noServer: true })
    const server = createServer().on('upgrade', createUpgradeHandler(sockets, resolver))
    const url = `ws://${await listen(server)}/`
    const connected = once(sockets, 'connection')
    const client = new WebSocket(url, { headers })
    const [[socket]] = await Promise.all([connected, once(client, 'open')])
    assert.equal(socketSessionOf(socket).current.principal, device.principal)
    client.terminate()
    const refused = new WebSocket(url)
    const [, response] = await once(refused, 'unexpected-response')
    assert.equal(response.statusCode, 401)
    response.destroy()
    server.close()
    server.closeAllConnections()
  },
  async react() {
    const listeners = new Set()
    let state = { session: { principal: 'before' } }
    const auth = {
      getState: () => state,
      getServerState: () => state,
      subscribe: (/** @type {() => void} */ listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    const Shown = () => useAuth(auth, ({ session }) => session.principal)
    let tree
    await TestRenderer.act(async () => (tree = TestRenderer.create(React.createElement(Shown))))
    assert.equal(tree.toJSON(), 'before')
    await TestRenderer.act(async () => {
      state = { session: { principal: 'after' } }
      listeners.forEach((listener) => listener())
    })
    assert.equal(tree.toJSON(), 'after')
    await TestRenderer.act(async () => tree.unmount())
    assert.equal(listeners.size, 0)
  },
  async 'better-auth'() {
    const tables = ['user', 'session', 'account', 'verification', 'jwks']
    const own = ['latchkeyPrincipal', 'latchkeyKey', 'latchkeyProof', 'latchkeyAudit']
    const store = Object.fromEntries([...tables, ...own].map((name) => [name, []]))
    const auth = betterAuth({
      baseURL: AUDIENCE,
      secret: 'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1',
      database: memoryAdapter(store),
      emailAndPassword: { enabled: true },
      rateLimit: { enabled: false },
      plugins: [latchkey(), latchkeyJwt()],
    })
    const proof = await device.proof({
      audience: `${AUDIENCE}/api/auth`,
      purpose: 'upgrade',
      identifiers: ['ada@example.com'],
    })
    const response = await auth.handler(
      new Request(`${AUDIENCE}/api/auth/sign-up/email`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: AUDIENCE, 'x-latchkey-proof': proof },
        body: JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery', name: 'Ada' }),
      }),
    )
    assert.equal(response.status, 200)
    assert.equal(store.user[0].principal, device.principal)
  },
  async '@playwright/test'() {
    // A sandboxed Chromium does not start as root.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    const browser = await chromium.launch({ executablePath: process.env.LATCHKEY_CHROMIUM, args })
    const own = await createDevice(browser, { clockOffset: 3_600_000 })
    const ahead = (await own.page.evaluate(() => Date.now())) - Date.now()
    assert.ok(ahead > 3_500_000, `the clock is ${ahead} ms ahead`)
    await own.passTime(60_000)
    await own.close()
    await browser.close()
  },
}

globalThis.IS_REACT_ACT_ENVIRONMENT = true
for (const [name, check] of Object.entries(CHECKS)) {
  await check()
  console.log(`  runs: ${name}`)
}
process.exit(0)
