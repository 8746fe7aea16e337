// A token to try the shop with: JWT_SECRET=… node token.js [SUB] [EMAIL] [NAME]
import { sign } from './authenticate.js'

const [sub = 'u-1', email = 'user@example.com', name = 'Sample User'] = process.argv.slice(2)
const { JWT_SECRET } = process.env
if (!JWT_SECRET) {
  console.error('token: JWT_SECRET is not set')
  process.exit(2)
}
console.log(sign({ sub, email, name, exp: Math.floor(Date.now() / 1000) + 3600 }, JWT_SECRET))
