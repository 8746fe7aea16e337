// node reference.js [FOLDER]: builds the API reference of the package, into `reference/` where no folder is named.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Application, LogLevel } from 'typedoc'

/** Gives what typedoc warned of. */
export async function buildReference(packageFolder, out) {
  const manifest = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8'))
  const types = Object.values(manifest.exports).map((entry) => entry.types).filter(Boolean)
  const tsconfig = join(out, '..', 'reference.tsconfig.json')
  const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, skipLibCheck: true, types: [] }
  await writeFile(tsconfig, JSON.stringify({ compilerOptions, files: types.map((file) => join(packageFolder, file)) }))
  try {
    const app = await Application.bootstrap({
      entryPoints: types.map((file) => join(packageFolder, file)), tsconfig, readme: join(packageFolder, 'README.md'), name: 'sealtrail',
      logLevel: LogLevel.Warn, disableGit: true, disableSources: true, githubPages: false,
      // The types of Node are no part of it.
      skipErrorChecking: true,
    })
    const warnings = []
    app.logger.log = (message, level) => level >= LogLevel.Warn && warnings.push(message)
    const project = await app.convert()
    app.validate(project)
    await app.generateDocs(project, out)
    return warnings
  } finally {
    await rm(tsconfig)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const here = (path) => fileURLToPath(new URL(path, import.meta.url))
  const warnings = await buildReference(here('../sealtrail'), process.argv[2] ?? here('reference'))
  for (const warning of warnings) console.error(warning)
  process.exitCode = warnings.length > 0 ? 1 : 0
}
