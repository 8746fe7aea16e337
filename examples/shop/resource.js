import { Router } from 'express'

/** Create, read, update and delete of one type of entity, kept in memory. Nothing changes without its record. */
export function resource(type, trail) {
  const entities = new Map()
  let lastId = 0

  /** Changes the entity, records it, and takes the change back where the record could not be written. */
  async function change(action, id, after) {
    const before = entities.get(id) ?? null
    put(id, after)
    try {
      await trail.record({ entity: { type, id }, action, before, after })
    } catch (error) {
      if ((entities.get(id) ?? null) === after) put(id, before)
      throw error
    }
  }

  function put(id, image) {
    if (image === null) entities.delete(id)
    else entities.set(id, image)
  }

  const router = Router()

  router.param('id', (req, res, next, id) => {
    if (req.method === 'GET' || entities.has(id)) return next()
    res.status(404).json({ error: `no ${type} ${id}` })
  })

  router.use((req, res, next) => {
    if (!['POST', 'PUT'].includes(req.method)) return next()
    const { body } = req
    if (body !== null && typeof body === 'object' && !Array.isArray(body)) return next()
    res.status(400).json({ error: 'expected a JSON object' })
  })

  router.get('/', (_req, res) => res.json([...entities.values()]))

  router.get('/:id', (req, res) => {
    const entity = entities.get(req.params.id)
    if (!entity) return res.status(404).json({ error: `no ${type} ${req.params.id}` })
    res.json(entity)
  })

  router.post('/', async (req, res) => {
    const id = String(++lastId)
    const entity = { ...req.body, id: Number(id) }
    await change('create', id, entity)
    res.status(201).location(`${req.baseUrl}/${id}`).json(entity)
  })

  router.put('/:id', async (req, res) => {
    const entity = { ...req.body, id: Number(req.params.id) }
    await change('update', req.params.id, entity)
    res.json(entity)
  })

  router.delete('/:id', async (req, res) => {
    await change('delete', req.params.id, null)
    res.status(204).end()
  })

  return router
}
