// The durable peer: takes a report whole and answers only when it would survive a power cut.
// Temporary file, fsync, rename, fsync of the directory: the same promise as mprelay's, without looking at the content.
// Usage: UV_THREADPOOL_SIZE=16 node server.js PORT DIRECTORY
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')

// The plain calls through promisify cost less than the FileHandle objects of fs/promises.
const open = promisify(fs.open)
const write = promisify(fs.write)
const fsync = promisify(fs.fsync)
const close = promisify(fs.close)
const rename = promisify(fs.rename)

const [port, directory] = process.argv.slice(2)
const directoryHandle = fs.openSync(directory, 'r')

async function writeWhole (file, bytes) {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await write(file, bytes, at)
    at += bytesWritten
  }
}

async function keep (name, bytes) {
  const temporary = path.join(directory, `.${name}.tmp`)
  const file = await open(temporary, 'wx', 0o640)
  try {
    await writeWhole(file, bytes)
    await fsync(file)
  } finally {
    await close(file)
  }
  await rename(temporary, path.join(directory, `${name}.smx`))
  await fsync(directoryHandle)
}

const server = require('fastify')({ logger: false, keepAliveTimeout: 0 })
server.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => done(null, body))
server.post('/reports/:name', async (request, reply) => {
  await keep(request.params.name, request.body)
  return reply.code(201).send()
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 }).catch((error) => {
  console.error(error.message)
  process.exit(1)
})
