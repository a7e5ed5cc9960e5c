import { readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import type { FoundApp } from './detect.ts'
import type { Files } from './files.ts'
import { fill, places } from './starters.ts'

/** The new files of an app that exists, and what remains to be done by hand. */
export interface Addition {
  readonly files: Files
  readonly left: readonly string[]
}

const INSTALL = { npm: 'npm install', pnpm: 'pnpm add', yarn: 'yarn add', bun: 'bun add' } as const
const RUN = { npm: 'npx', pnpm: 'pnpm exec', yarn: 'yarn', bun: 'bunx' } as const

/** Plans what an app needs. Files of the app itself are never changed: the steps say which lines to add. */
export function planAddition(folder: string, found: FoundApp): Addition {
  const { framework, packageManager, missing } = found
  const own = pathsOf({ ...found, server: undefined, client: undefined })
  // What an earlier run wrote is not the app's.
  const unlessWritten = (path: string | undefined, [place, text]: readonly [string, string]): string | undefined =>
    path === place && readFileSync(join(folder, path), 'utf8') === text ? undefined : path
  const app = {
    ...found,
    server: unlessWritten(found.server, serverTemplate(found, own.server)),
    client: unlessWritten(found.client, clientTemplate(found, own.client)),
  }
  const at = pathsOf(app)
  const server = framework.server === undefined ? [] : serverFiles(app, at)
  const files = new Map([
    ...(app.client ? [] : [clientTemplate(app, at.client)]),
    template(app, 'latchkey.ts', at.latchkey, { client: importOf(app, at.latchkey, at.client) }),
    template(app, 'sign-up.ts', at.signUp, {
      latchkey: importOf(app, at.signUp, at.latchkey),
      client: importOf(app, at.signUp, at.client),
    }),
    ...server,
  ])
  const left = [
    ...(missing.length > 0 ? [`${INSTALL[packageManager]} ${missing.join(' ')}`] : []),
    ...(app.client ? [CLIENT_LINES(app.client)] : []),
    ...(app.server ? [SERVER_LINES(app.server)] : []),
    ...(app.server || app.client ? [DECISION(at.latchkey)] : []),
    ...(framework.server === undefined || app.server ? [] : [SECRET]),
    ...(framework.server === undefined && !app.server
      ? []
      : [`${RUN[packageManager]} latchkey migrate --auth ./${at.server}`]),
    ...framework.left,
    `Call signUp of ${at.signUp} from your form, and auth.fetch of ${at.latchkey} for your API.`,
    ...(framework.server === undefined ? [] : [`Identify the user in your handlers with resolver of ${at.resolver}.`]),
  ]
  return { files, left }
}

const SERVER_LINES = (path: string): string =>
  `In ${path}: import { latchkey, latchkeyJwt } from 'latchkey/better-auth', and plugins: [latchkey(), latchkeyJwt()]`

const DECISION = (path: string): string =>
  'Decide before the first deploy about users who are signed in: by default they have to confirm their account with ' +
  `auth.acceptAccount. With migrateSessionsUntil, an option of createAuth in ${path}, they stay signed in without a ` +
  'question. Adding it later does not help.'

const SECRET =
  'Set BETTER_AUTH_SECRET for the server to 32 or more random characters, such as those of `openssl rand -hex 32`, ' +
  'and keep them, and app.sqlite, out of git.'

const CLIENT_LINES = (path: string): string =>
  `In ${path}: import { latchkeyClient } from 'latchkey/better-auth/client', and plugins: [latchkeyClient()]. ` +
  'It has to export the client as authClient.'

type Paths = Readonly<Record<'client' | 'latchkey' | 'signUp' | 'server' | 'resolver' | 'route', string>>

function pathsOf({ framework, inSource, isTypeScript, server, client }: FoundApp): Paths {
  const source = inSource && framework.name !== 'Nuxt' ? 'src/' : ''
  const end = isTypeScript ? 'ts' : 'js'
  const place = (folder: string, name: string): string => `${folder}/${name}.${end}`
  const [own, its] = [`${source}${framework.client}`, sourceOf(framework.server ?? '', source)]
  return {
    client: client ?? place(own, 'auth-client'),
    latchkey: place(own, 'latchkey'),
    signUp: place(own, 'sign-up'),
    server: server ?? place(its, 'auth'),
    resolver: place(its, 'resolver'),
    route: sourceOf(framework.route?.path ?? '', source).replace(/ts$/, end),
  }
}

/** A server beside the pages is no part of `src`. */
function sourceOf(path: string, source: string): string {
  return path === 'server' || path.startsWith('server/') ? path : `${source}${path}`
}

function serverFiles(app: FoundApp, at: Paths): (readonly [string, string])[] {
  const { framework, server } = app
  const auth = { auth: importOf(app, at.resolver, at.server) }
  return [
    ...(server ? [] : [serverTemplate(app, at.server)]),
    template(app, 'resolver.ts', at.resolver, auth),
    ...(server || !framework.route
      ? []
      : [template(app, framework.route.template, at.route, { auth: importOf(app, at.route, at.server) })]),
  ]
}

function clientTemplate(app: FoundApp, path: string): readonly [string, string] {
  return template(app, 'auth-client.ts', path)
}

function serverTemplate(app: FoundApp, path: string): readonly [string, string] {
  return template(app, 'server-auth.ts', path, { port: String(app.framework.port) })
}

function template(
  { isTypeScript }: FoundApp,
  name: string,
  path: string,
  values: Readonly<Record<string, string>> = {},
): readonly [string, string] {
  const text = fill(readFileSync(join(places(), 'add', name), 'utf8'), values)
  return [path, isTypeScript ? text : withoutTypes(text)]
}

/** The templates have no other types than these. */
function withoutTypes(text: string): string {
  return text.replace(/: (string|Request|Promise<\w+>|\{ request: Request \}|H3Event)(?=[,)=; {])/g, '')
}

/**
 * A bundler resolves an import without the end of the name, Node does not. In TypeScript, the end is that of the
 * compiled file, unless the project lets an import name the source.
 */
function importOf({ framework, namesTypeScript }: FoundApp, from: string, to: string): string {
  const isServers = framework.server !== undefined && from.includes(`${framework.server}/`)
  const isNodes = framework.withoutBundler === 'app' || (framework.withoutBundler === 'server' && isServers)
  const path = relative(dirname(from), to).split(sep).join('/')
  const named = isNodes ? (namesTypeScript ? path : compiled(path)) : path.replace(/\.[cm]?[jt]sx?$/, '')
  return named.startsWith('.') ? named : `./${named}`
}

function compiled(path: string): string {
  return path.replace(/\.([cm]?)[jt]sx?$/, '.$1js')
}
