/** Text goes in as text: nothing that was typed is ever read as markup. */
export function element(name, attributes, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made[key] = value
    else made.setAttribute(key, value)
  }
  made.append(...children)
  return made
}
