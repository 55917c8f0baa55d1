// Is docs/openapi.json a document of OpenAPI 3.1?
//   node validate.mjs FILE
// Says so on one line, as TAP does.
import { readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';

const document = JSON.parse(await readFile(process.argv[2], 'utf8'));
const validator = new Validator();
const verdict = await validator.validate(document);
const isFine = verdict.valid && document.openapi.startsWith('3.1.');
if (!isFine) console.error(JSON.stringify(verdict.errors, null, 2));
console.log(`${isFine ? 'ok' : 'not ok'} 1 - the API's description is one of OpenAPI 3.1`);
console.log('1..1');
process.exitCode = isFine ? 0 : 1;
