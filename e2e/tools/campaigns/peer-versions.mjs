/** Both ends of the range of each peer, with the types that they need. */
export const ENDS = {
  oldest: [
    'better-auth@1.7.0',
    'express@4.17.0',
    'fastify@4.0.0',
    'hono@3.0.0',
    'ws@7.0.0',
    'react@17.0.0',
    'react-test-renderer@17.0.0',
    '@playwright/test@1.45.0',
    '@types/express@4.17.21',
    '@types/ws@7.4.7',
    '@types/react@17.0.83',
  ],
  newest: [
    'better-auth@1',
    'express@5',
    'fastify@5',
    'hono@4',
    'ws@8',
    'react@19',
    'react-test-renderer@19',
    '@playwright/test@1',
    '@types/express@5',
    '@types/ws@8',
    '@types/react@19',
  ],
}

/** Versions of packages that only the command line uses, or that an app may have for itself. */
export const UNRELATED = ['better-sqlite3@11.0.0', 'pg@8.0.0', 'ioredis@4.0.0']
