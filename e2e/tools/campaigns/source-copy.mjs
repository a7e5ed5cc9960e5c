// A copy of the source in a temporary folder, which campaigns change and test.
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = fileURLToPath(new URL('../../..', import.meta.url))

const COPIED = [
  'lib',
  'adapters',
  'docs',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'vitest.config.ts',
  'vitest.quick.config.ts',
  'e2e/tools/campaigns/campaign-files.mjs',
  'e2e/tools/servers/on-port.mjs',
  'e2e/tools/servers/postgres.mjs',
]

/**
 * Copies the source, and compiles what is shipped into the copy's `dist`.
 *
 * @param {string} name - part of the name of the temporary folder
 * @returns {string} its path, which the caller removes
 */
export function copySource(name) {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), `latchkey-${name}-`)))
  for (const part of COPIED) cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir')
  for (const file of shippedFiles(copy)) emit(copy, file)
  return copy
}

/** @param {string} folder @returns {string[]} the modules that are shipped, relative to the folder */
export function shippedFiles(folder) {
  return sourceFiles(folder).filter((file) => !/\.(test|testing|d)\.ts$/.test(file))
}

/** @param {string} folder @returns {string[]} every module of `lib` and `adapters`, relative to the folder */
export function sourceFiles(folder) {
  return ['lib', 'adapters'].flatMap((part) =>
    readdirSync(join(folder, part), { recursive: true })
      .map((file) => `${part}/${file}`)
      .filter((file) => file.endsWith('.ts'))
      .sort(),
  )
}

const { compilerOptions } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config

/** The project's compiler options. */
export const { options } = ts.parseJsonConfigFileContent({ compilerOptions, files: [] }, ts.sys, root)

/**
 * Writes a module of the copy, and what it compiles to: tests that start server processes load the package by its name.
 *
 * @param {string} copy
 * @param {string} file
 * @param {string} text
 */
export function writeSource(copy, file, text) {
  writeFileSync(join(copy, file), text)
  emit(copy, file)
}

/** @param {string} copy @param {string} file */
function emit(copy, file) {
  const { outputText } = ts.transpileModule(readFileSync(join(copy, file), 'utf8'), {
    compilerOptions: {
      ...options,
      noEmit: false,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      rewriteRelativeImportExtensions: true,
    },
    fileName: file,
  })
  const target = join(copy, 'dist', file.replace(/\.ts$/, '.js'))
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, outputText)
}
