/** What takes long: random walks, crashes, races, server processes, the file keystore, the command line. */
export const CAMPAIGNS = [
  'lib/**/{model,faults,*-fuzz}.test.ts',
  'lib/client/{bare-engine,races}.test.ts',
  'lib/keystore/{file,file-processes}.test.ts',
  'adapters/account/binding-{store,processes}.test.ts',
  'adapters/better-auth/{binding/crash,binding/race,routes/{adopt,pair}-race,hooks/lifecycle,hooks/verified-email}.test.ts',
  'adapters/cli/**/*.test.ts',
  'adapters/reown/{link,random}.test.ts',
  'adapters/triplit/**/*.test.ts',
  'e2e/{explore,published}/**/*.test.ts',
]
