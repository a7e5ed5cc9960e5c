// Runs each adapter on the installed version of its peer. Ends with 1 at the first difference.
import '@angular/compiler'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import * as angular from '@angular/core'
import { bootstrapApplication } from '@angular/platform-browser'
import { provideServerRendering, renderApplication } from '@angular/platform-server'
import { chromium } from '@playwright/test'
import { renderToString as renderVueOnServer } from '@vue/server-renderer'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import * as onAngular from 'latchkey/angular'
import * as onExpress from 'latchkey/express'
import * as onFastify from 'latchkey/fastify'
import * as onHono from 'latchkey/hono'
import { createDevice } from 'latchkey/playwright'
import { useAuth } from 'latchkey/react'
import { createSessionResolver } from 'latchkey/server'
import * as onSolid from 'latchkey/solid'
import { testDevice } from 'latchkey/testing'
import * as onVue from 'latchkey/vue'
import { createUpgradeHandler, socketSessionOf } from 'latchkey/ws'
import React from 'react'
import TestRenderer from 'react-test-renderer'
import { renderToString as renderSolidOnServer } from 'solid-js/web'
import { compile } from 'svelte/compiler'
import { render as renderSvelteOnServer } from 'svelte/server'
import { createRenderer, createSSRApp, nextTick } from 'vue'
import WebSocket, * as wsModule from 'ws'

const { Component } = angular
// React 17 has no `exports` for a name without `.js`.
const { renderToString: renderReactOnServer } = createRequire(import.meta.url)('react-dom/server')

/** A provider that Angular 18.0 does not have under this name: it needs zone.js. */
const zoneless = () => (angular['provideZonelessChangeDetection'] ? [angular['provideZonelessChangeDetection']()] : [])

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

/** An identity whose own state is another one than that of a server. */
function storeOf() {
  /** @type {Set<() => void>} */
  const listeners = new Set()
  let state = { session: { principal: 'before' } }
  const server = { session: { principal: 'server' } }
  return {
    listeners,
    change(to = { session: { principal: 'after' } }) {
      state = { ...state, ...to }
      listeners.forEach((listener) => listener())
    },
    auth: {
      getState: () => state,
      getServerState: () => server,
      subscribe: (/** @type {() => void} */ listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
  }
}

/** @param {{ session: { principal: string } }} state */
function principalOf({ session }) {
  return session.principal
}

/** Runs in a process that takes the builds for browsers. */
async function followInSolid() {
  const assert = await import('node:assert/strict')
  const { createEffect, createRoot } = await import('solid-js')
  const { useAuth } = await import('latchkey/solid')
  const { auth, listeners, change } = storeOf()
  /** @type {string[]} */
  const seen = []
  const dispose = createRoot((dispose) => {
    const principal = useAuth(auth, principalOf)
    createEffect(() => void seen.push(principal()))
    return dispose
  })
  change({ error: 'expired' })
  change()
  assert.deepEqual(seen.slice(-2), ['before', 'after'])
  assert.equal(seen.filter((one) => one === 'before').length, 1)
  dispose()
  assert.equal(listeners.size, 0)
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
    const { auth, listeners, change } = storeOf()
    const Shown = () => useAuth(auth, principalOf)
    assert.equal(renderReactOnServer(React.createElement(Shown)), 'server')
    let tree
    await TestRenderer.act(async () => (tree = TestRenderer.create(React.createElement(Shown))))
    assert.equal(tree.toJSON(), 'before')
    await TestRenderer.act(async () => change())
    assert.equal(tree.toJSON(), 'after')
    await TestRenderer.act(async () => tree.unmount())
    assert.equal(listeners.size, 0)
  },
  async vue() {
    const { auth, listeners, change } = storeOf()
    let renders = 0
    const Shown = {
      setup() {
        const principal = onVue.useAuth(auth, principalOf)
        return () => (renders++, principal.value)
      },
    }
    assert.match(await renderVueOnServer(createSSRApp(Shown)), /server/)
    assert.equal(listeners.size, 0)
    const root = { text: '' }
    const ignore = () => null
    const { createApp } = createRenderer({
      insert: (/** @type {{ text: string }} */ node) => void (root.text = node.text),
      setText: (/** @type {{ text: string }} */ node, /** @type {string} */ text) =>
        void (root.text = node.text = text),
      createText: (/** @type {string} */ text) => ({ text }),
      ...{ createElement: ignore, createComment: ignore, setElementText: ignore, patchProp: ignore },
      ...{ parentNode: () => root, nextSibling: ignore, remove: ignore },
    })
    const app = createApp(Shown)
    app.mount(root)
    await nextTick()
    assert.equal(root.text, 'before')
    renders = 0
    change({ error: 'expired' })
    await nextTick()
    assert.equal(renders, 0)
    change()
    await nextTick()
    assert.deepEqual([root.text, renders], ['after', 1])
    app.unmount()
    assert.equal(listeners.size, 0)
  },
  async svelte() {
    const { auth, listeners } = storeOf()
    const source = `
      <script>
        import { useAuth } from 'latchkey/svelte'
        const { auth, select } = $props()
        const principal = useAuth(auth, select)
      </script>
      <p>{principal.current}</p>`
    writeFileSync('shown.mjs', compile(source, { generate: 'server' }).js.code)
    const { default: Shown } = await import(new URL('shown.mjs', import.meta.url).href)
    assert.match(renderSvelteOnServer(Shown, { props: { auth, select: principalOf } }).body, /<p>server<\/p>/)
    assert.equal(listeners.size, 0)
  },
  async 'solid-js'() {
    const { auth, listeners } = storeOf()
    assert.equal(
      renderSolidOnServer(() => onSolid.useAuth(auth, principalOf)()),
      'server',
    )
    assert.equal(listeners.size, 0)
    // The build for browsers needs no page for its signals.
    const flags = ['--conditions=browser', '--input-type=module', '--eval']
    execFileSync(process.execPath, [...flags, `${storeOf}${principalOf}${followInSolid};await followInSolid()`], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
  },
  async 'better-auth'() {
    const tables = ['user', 'session', 'account', 'verification', 'jwks']
    const own = [
      'latchkeyPrincipal',
      'latchkeyKey',
      'latchkeyProof',
      'latchkeyAudit',
      'latchkeyBackup',
      'latchkeyGrant',
      'latchkeyRendezvous',
    ]
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
  async '@angular/core'() {
    // It changes globals: this check is the last one.
    if (zoneless().length === 0) await import('zone.js/node')
    const { auth, listeners } = storeOf()
    class Shown {
      principal = onAngular.injectAuth(auth, principalOf)
    }
    Component({ selector: 'app-shown', standalone: true, template: '<p>{{ principal() }}</p>' })(Shown)
    const start = (/** @type {never} */ context) =>
      bootstrapApplication(Shown, { providers: [provideServerRendering(), ...zoneless()] }, context)
    const page = { document: '<app-shown></app-shown>', url: '/' }
    assert.match(await renderApplication(start, page), /<p[^>]*>server<\/p>/)
    assert.equal(listeners.size, 0)
  },
}

globalThis.IS_REACT_ACT_ENVIRONMENT = true
for (const [name, check] of Object.entries(CHECKS)) {
  await check()
  console.log(`  runs: ${name}`)
}
process.exit(0)
