// The npm packages in the table of docs/exchange.md, and how an API verifies a token with each of them.
import { once } from 'node:events'
import { createServer } from 'node:http'

/**
 * @typedef {object} Given what an API knows
 * @property {string} token
 * @property {'EdDSA' | 'ES256' | 'RS256'} algorithm of the token
 * @property {string} issuer
 * @property {string} audience
 * @property {string} jwksUrl the address of the server's keys
 * @property {any} jwks the same keys
 * @property {any} jwk the one that verifies the token
 * @property {string} pem the same one
 *
 * @typedef {object} Consumer
 * @property {string} id
 * @property {string} row how its row in the table begins
 * @property {readonly string[]} packages what has to be installed, with versions
 * @property {readonly string[]} [cells] if the row's note says another thing of it than the row's cells
 * @property {(given: Given) => Promise<unknown>} subjectOf verifies the token and returns its subject
 */

const JOSE = 'jose 4, 5 and 6'
const HONO = 'hono/jwk and hono/jwt'
const STRICT = 'oauth4webapi'
const JSONWEBTOKEN = 'jsonwebtoken 9'
const EXPRESS = 'express@5.3.0'
const FASTIFY = 'fastify@5.12.8'
const FASTIFY_JWT = '@fastify/jwt@10.2.8'

/** @param {Given} given */
const headersOf = ({ token }) => ({ authorization: `Bearer ${token}` })

/**
 * Sends the token to a server of Node, which answers with the claims.
 *
 * @param {import('node:http').RequestListener} handler
 * @param {Given} given
 */
async function ask(handler, given) {
  const server = createServer(handler)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: headersOf(given) })
  const text = await response.text()
  server.close()
  if (!response.ok) throw new Error(`${response.status} ${response.headers.get('www-authenticate') ?? text}`)
  return JSON.parse(text).sub
}

/**
 * @param {Given} given
 * @param {any} middleware
 * @param {(request: any) => any} claimsOf where the middleware puts the claims
 */
async function askExpress(given, middleware, claimsOf) {
  const { default: express } = await import('express')
  const app = express()
  app.get('/', middleware, (/** @type {any} */ request, /** @type {any} */ response) =>
    response.json(claimsOf(request)),
  )
  return ask(app, given)
}

/** @param {string} name @returns {Consumer['subjectOf']} */
function byJose(name) {
  return async ({ token, jwksUrl, issuer, audience }) => {
    const { createRemoteJWKSet, jwtVerify } = await import(name)
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwksUrl)), { issuer, audience })
    return payload.sub
  }
}

/**
 * @param {string} name
 * @param {'jwk' | 'jwt'} kind
 * @param {object} [more] about the verification
 * @returns {Consumer['subjectOf']}
 */
function byHono(name, kind, more = {}) {
  return async (given) => {
    const { algorithm, issuer, audience, jwksUrl, jwk } = given
    const { Hono } = await import(name)
    const { [kind]: middlewareOf } = await import(`${name}/${kind}`)
    const verification = { iss: issuer, aud: audience, ...more }
    const keys = kind === 'jwk' ? { jwks_uri: jwksUrl, alg: [algorithm] } : { secret: jwk, alg: algorithm }
    const app = new Hono()
    app.get('/', middlewareOf({ ...keys, verification }), (/** @type {any} */ context) =>
      context.json(context.get('jwtPayload')),
    )
    app.onError((/** @type {any} */ error, /** @type {any} */ context) =>
      context.text(String(error.cause ?? error), 401),
    )
    const response = await app.request('/', { headers: headersOf(given) })
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()).sub
  }
}

/** @param {boolean} strict @returns {Consumer['subjectOf']} */
function byOauth2Bearer(strict) {
  return async (given) => {
    const { auth } = await import('express-oauth2-jwt-bearer')
    const { issuer, audience, jwksUrl: jwksUri } = given
    return askExpress(given, auth({ issuer, audience, jwksUri, strict }), (request) => request.auth.payload)
  }
}

/** @param {Given} given @param {object} options of @fastify/jwt */
async function askFastify(given, options) {
  const { fastify } = await import('fastify')
  const { default: fastifyJwt } = await import('@fastify/jwt')
  const { algorithm, issuer, audience } = given
  const app = fastify()
  await app.register(fastifyJwt, {
    ...options,
    verify: { algorithms: [algorithm], allowedIss: issuer, allowedAud: audience },
  })
  app.get('/', async (/** @type {any} */ request) => request.jwtVerify())
  const response = await app.inject({ url: '/', headers: headersOf(given) })
  await app.close()
  if (response.statusCode !== 200) throw new Error(response.body)
  return response.json().sub
}

/** @type {readonly Consumer[]} */
export const CONSUMERS = [
  { id: 'jose-4', row: JOSE, packages: ['jose-4@npm:jose@4.15.9'], subjectOf: byJose('jose-4') },
  { id: 'jose-5', row: JOSE, packages: ['jose-5@npm:jose@5.10.0'], subjectOf: byJose('jose-5') },
  { id: 'jose-6', row: JOSE, packages: ['jose-6@npm:jose@6.2.17'], subjectOf: byJose('jose-6') },
  {
    id: 'fast-jwt',
    row: JOSE,
    packages: ['fast-jwt@6.3.6'],
    async subjectOf({ token, algorithm, issuer, audience, pem }) {
      const { createVerifier } = await import('fast-jwt')
      const verify = createVerifier({
        key: pem,
        algorithms: [algorithm],
        allowedIss: issuer,
        allowedAud: audience,
      })
      return verify(token).sub
    },
  },
  {
    id: '@fastify/jwt',
    row: JOSE,
    packages: [FASTIFY, FASTIFY_JWT],
    subjectOf: (given) => askFastify(given, { secret: { public: given.pem } }),
  },
  {
    id: 'aws-jwt-verify',
    row: JOSE,
    packages: ['aws-jwt-verify@5.2.1'],
    async subjectOf({ token, issuer, audience, jwksUrl: jwksUri, jwks }) {
      const { JwtVerifier } = await import('aws-jwt-verify')
      const verifier = JwtVerifier.create({ issuer, audience, jwksUri })
      // It fetches by https only.
      verifier.cacheJwks(jwks)
      return (await verifier.verify(token)).sub
    },
  },
  {
    id: '@elysiajs/jwt',
    row: JOSE,
    packages: ['elysia@1.4.30', '@elysiajs/jwt@1.4.2'],
    async subjectOf({ token, algorithm, jwk }) {
      const { Elysia } = await import('elysia')
      const { jwt } = await import('@elysiajs/jwt')
      const app = new Elysia()
        .use(jwt({ name: 'jwt', secret: jwk, alg: algorithm }))
        .get('/', (/** @type {any} */ context) => context.jwt.verify(token))
      return (await (await app.handle(new Request('http://localhost/'))).json()).sub
    },
  },
  { id: 'hono/jwk', row: HONO, packages: ['hono@4.13.19'], subjectOf: byHono('hono', 'jwk') },
  { id: 'hono/jwt', row: HONO, packages: ['hono@4.13.19'], subjectOf: byHono('hono', 'jwt') },
  {
    id: 'hono/jwk with verification.typ',
    row: HONO,
    packages: ['hono@4.13.19'],
    cells: ['yes', 'yes', 'yes'],
    subjectOf: byHono('hono', 'jwk', { typ: 'at+jwt' }),
  },
  {
    id: 'hono/jwk 4.13.18 with verification.typ',
    row: HONO,
    packages: ['hono-4.13.18@npm:hono@4.13.18'],
    subjectOf: byHono('hono-4.13.18', 'jwk', { typ: 'at+jwt' }),
  },
  {
    id: 'oauth4webapi',
    row: STRICT,
    packages: ['oauth4webapi@3.8.8'],
    async subjectOf(given) {
      const { allowInsecureRequests, validateJwtAccessToken } = await import('oauth4webapi')
      const server = { issuer: given.issuer, jwks_uri: given.jwksUrl }
      const request = new Request('http://127.0.0.1/', { headers: headersOf(given) })
      const options = { [allowInsecureRequests]: true }
      return (await validateJwtAccessToken(server, request, given.audience, options)).sub
    },
  },
  {
    id: 'express-oauth2-jwt-bearer, strict',
    row: STRICT,
    packages: [EXPRESS, 'express-oauth2-jwt-bearer@1.10.0'],
    subjectOf: byOauth2Bearer(true),
  },
  {
    id: 'express-oauth2-jwt-bearer',
    row: STRICT,
    packages: [EXPRESS, 'express-oauth2-jwt-bearer@1.10.0'],
    cells: ['yes', 'yes', 'yes'],
    subjectOf: byOauth2Bearer(false),
  },
  {
    id: 'jsonwebtoken',
    row: JSONWEBTOKEN,
    packages: ['jsonwebtoken@9.0.3'],
    async subjectOf({ token, algorithm, issuer, audience, pem }) {
      const { default: jsonwebtoken } = await import('jsonwebtoken')
      return jsonwebtoken.verify(token, pem, { algorithms: [algorithm], issuer, audience }).sub
    },
  },
  {
    id: '@nestjs/jwt',
    row: JSONWEBTOKEN,
    packages: ['@nestjs/jwt@12.0.2', '@nestjs/common@12.5.1', 'reflect-metadata@0.2.2', 'rxjs@7.8.2'],
    async subjectOf({ token, algorithm, issuer, audience, pem: publicKey }) {
      await import('reflect-metadata')
      const { JwtService } = await import('@nestjs/jwt')
      const service = new JwtService({ publicKey, verifyOptions: { algorithms: [algorithm], issuer, audience } })
      return (await service.verifyAsync(token)).sub
    },
  },
  {
    id: 'express-jwt',
    row: JSONWEBTOKEN,
    packages: [EXPRESS, 'express-jwt@8.5.1', 'jwks-rsa@4.1.0'],
    async subjectOf(given) {
      const { expressjwt } = await import('express-jwt')
      const { default: jwksRsa } = await import('jwks-rsa')
      const { algorithm, issuer, audience, jwksUrl: jwksUri } = given
      const secret = jwksRsa.expressJwtSecret({ jwksUri })
      const middleware = expressjwt({ secret, issuer, audience, algorithms: [algorithm] })
      return askExpress(given, middleware, (request) => request.auth)
    },
  },
  {
    id: 'koa-jwt',
    row: JSONWEBTOKEN,
    packages: ['koa@3.3.0', 'koa-jwt@4.0.4'],
    async subjectOf(given) {
      const { default: Koa } = await import('koa')
      const { default: koaJwt } = await import('koa-jwt')
      const { algorithm, issuer, audience, pem: secret } = given
      const app = new Koa()
      app.silent = true
      app.use(koaJwt({ secret, issuer, audience, algorithms: [algorithm] }))
      app.use((/** @type {any} */ context) => void (context.body = context.state.user))
      return ask(app.callback(), given)
    },
  },
  {
    id: 'njwt',
    row: JSONWEBTOKEN,
    packages: ['njwt@2.0.1'],
    async subjectOf({ token, algorithm, pem }) {
      const { default: njwt } = await import('njwt')
      return njwt.verify(token, pem, algorithm).body.sub
    },
  },
  {
    id: '@graphql-yoga/plugin-jwt',
    row: JSONWEBTOKEN,
    packages: ['graphql@16.12.0', 'graphql-yoga@5.24.1', '@graphql-yoga/plugin-jwt@3.18.1'],
    async subjectOf(given) {
      const { createSchema, createYoga } = await import('graphql-yoga')
      const { createInlineSigningKeyProvider, extractFromHeader, useJWT } = await import('@graphql-yoga/plugin-jwt')
      const { algorithm, issuer, audience, pem } = given
      const yoga = createYoga({
        logging: false,
        schema: createSchema({
          typeDefs: 'type Query { sub: String }',
          resolvers: { Query: { sub: (_, __, /** @type {any} */ context) => context.jwt?.payload.sub } },
        }),
        plugins: [
          useJWT({
            signingKeyProviders: [createInlineSigningKeyProvider(pem)],
            tokenLookupLocations: [extractFromHeader({ name: 'authorization', prefix: 'Bearer' })],
            tokenVerification: { algorithms: [algorithm], issuer, audience },
            extendContext: true,
            reject: { missingToken: true, invalidToken: true },
          }),
        ],
      })
      const response = await yoga.fetch('http://localhost/graphql', {
        method: 'POST',
        headers: { ...headersOf(given), 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ sub }' }),
      })
      const { data, errors } = await response.json()
      if (!data) throw new Error(JSON.stringify(errors))
      return data.sub
    },
  },
  {
    id: 'get-jwks',
    row: 'get-jwks 11',
    packages: [FASTIFY, FASTIFY_JWT, 'get-jwks@11.0.3'],
    async subjectOf(given) {
      const { default: buildGetJwks } = await import('get-jwks')
      const keys = buildGetJwks({ jwksPath: new URL(given.jwksUrl).pathname })
      /** @param {unknown} _ @param {any} token */
      const secret = (_, { header: { kid, alg }, payload: { iss } }) => keys.getPublicKey({ kid, alg, domain: iss })
      return askFastify(given, { decode: { complete: true }, secret })
    },
  },
  {
    id: '@hapi/jwt',
    row: '@hapi/jwt 3.2',
    packages: ['@hapi/hapi@21.4.10', '@hapi/jwt@3.2.4'],
    async subjectOf(given) {
      const { default: Hapi } = await import('@hapi/hapi')
      const { default: Jwt } = await import('@hapi/jwt')
      const server = Hapi.server()
      await server.register(Jwt)
      server.auth.strategy('token', 'jwt', {
        keys: { uri: given.jwksUrl },
        verify: { aud: given.audience, iss: given.issuer, sub: false },
        validate: false,
      })
      server.auth.default('token')
      server.route({
        method: 'GET',
        path: '/',
        handler: (/** @type {any} */ request) => request.auth.credentials,
      })
      await server.initialize()
      const response = await server.inject({ url: '/', headers: headersOf(given) })
      await server.stop()
      if (response.statusCode !== 200) throw new Error(response.payload)
      return JSON.parse(response.payload).sub
    },
  },
  {
    id: 'surrealdb',
    row: 'SurrealDB 3.0',
    packages: ['surrealdb@2.0.8', '@surrealdb/node@3.0.3'],
    async subjectOf({ token, algorithm, pem }) {
      const { Surreal } = await import('surrealdb')
      const { createNodeEngines } = await import('@surrealdb/node')
      const db = new Surreal({ engines: createNodeEngines() })
      try {
        await db.connect('mem://')
        await db.query('DEFINE NAMESPACE notes; USE NS notes; DEFINE DATABASE notes;')
        await db.use({ namespace: 'notes', database: 'notes' })
        await db.query(
          `DEFINE ACCESS latchkey ON DATABASE TYPE RECORD WITH JWT ALGORITHM ${algorithm.toUpperCase()} KEY "${pem}"
            AUTHENTICATE { RETURN type::record('person', $token.sub) }`,
        )
        await db.authenticate(token)
        const [subject] = await db.query('RETURN $token.sub')
        return subject
      } finally {
        await db.close()
      }
    },
  },
]
