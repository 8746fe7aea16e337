/**
 * The bytes of a wasm file of this page: of the file beside it, or, where the page is one file that somebody opened from
 * a folder, of a part of the page itself (gzip in base64, because browsers load nothing from folders).
 */
export async function wasmBytes(name) {
  const inside = document.getElementById(name)
  if (inside) return inflated(inside.textContent)
  const response = await fetch(name)
  if (!response.ok) throw new Error(`${name} could not be loaded (status ${response.status})`)
  return response.arrayBuffer()
}

function inflated(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(stream).arrayBuffer()
}
