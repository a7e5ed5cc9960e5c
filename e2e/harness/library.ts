export * from 'latchkey'
