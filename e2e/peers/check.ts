// Compiled against the oldest and the newest version of each peer: what an app writes has the types of its framework.
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { authenticate as expressAuthenticate, sessionOf } from 'latchkey/express'
import { authenticate as fastifyAuthenticate } from 'latchkey/fastify'
import { type SessionEnvironment, authenticate as honoAuthenticate } from 'latchkey/hono'
import { createDevice } from 'latchkey/playwright'
import { injectAuth, injectUpgrade } from 'latchkey/angular'
import { type Upgrade, useAuth } from 'latchkey/react'
import { useAuth as useAuthInSolid, useUpgrade as useUpgradeInSolid } from 'latchkey/solid'
import { useAuth as useAuthInSvelte, useUpgrade as useUpgradeInSvelte } from 'latchkey/svelte'
import { useAuth as useAuthInVue, useUpgrade as useUpgradeInVue } from 'latchkey/vue'
import type { Signal } from '@angular/core'
import type { Accessor } from 'solid-js'
import type { Ref } from 'vue'
import { type OwnedSession, createSessionResolver } from 'latchkey/server'
import { createUpgradeHandler, socketSessionOf } from 'latchkey/ws'
import type { Auth } from 'latchkey'
import type { Browser } from '@playwright/test'
import type { Server } from 'ws'

const resolver = createSessionResolver({ localFirst: { audience: 'https://notes.example', afterUpgrade: 'allow' } })

export const app = express().use(expressAuthenticate(resolver), (request, response) => {
  const principal: string | null = sessionOf(request).principal
  response.json({ principal })
})

const server = fastify()
void server.register(fastifyAuthenticate, { resolver })
server.get('/', async (request): Promise<string | null> => request.latchkey.principal)

export const hono = new Hono<SessionEnvironment<OwnedSession>>().use('*', honoAuthenticate(resolver))

export function listen(sockets: Server) {
  sockets.on('connection', (socket) => socketSessionOf(socket).current.principal)
  return createUpgradeHandler(sockets, resolver)
}

export const usePrincipal = (auth: Auth): string | null => useAuth(auth, ({ session }) => session?.principal ?? null)

export const inVue = (auth: Auth) => {
  const principal: Readonly<Ref<string | undefined>> = useAuthInVue(auth, ({ session }) => session?.principal)
  const upgrade: Readonly<Ref<Upgrade>> = useUpgradeInVue(auth)
  return { principal, upgrade }
}

export const inSvelte = (auth: Auth) => {
  const principal: string | undefined = useAuthInSvelte(auth, ({ session }) => session?.principal).current
  const upgrade: Upgrade = useUpgradeInSvelte(auth).current
  return { principal, upgrade }
}

export const inSolid = (auth: Auth) => {
  const principal: Accessor<string | undefined> = useAuthInSolid(auth, ({ session }) => session?.principal)
  const upgrade: Accessor<Upgrade> = useUpgradeInSolid(auth)
  return { principal, upgrade }
}

export const inAngular = (auth: Auth) => {
  const principal: Signal<string | undefined> = injectAuth(auth, ({ session }) => session?.principal)
  const upgrade: Signal<Upgrade> = injectUpgrade(auth)
  return { principal, upgrade }
}

export const open = (browser: Browser) => createDevice(browser, { locale: 'en' })
