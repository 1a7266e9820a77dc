/** A type, and values of it at its edges, as the insides of SQL literals. */
export const TYPES: Readonly<Record<string, readonly string[]>> = {
  int2: ['-32768', '32767'],
  int4: ['-2147483648', '2147483647', '0'],
  int8: ['-9223372036854775808', '9223372036854775807'],
  numeric: [
    'NaN', '12345678901234567890123456789012345678.000000000100', '-0.00', '0.1', '1.10',
    `${'9'.repeat(1000)}.${'1'.repeat(1000)}`,
  ],
  'numeric(38,20)': ['123456789012345678.12345678901234567891', '0.00000000000000000001', '-1'],
  float4: ['NaN', 'Infinity', '-Infinity', '3.4028235e+38', '1e-45', '0.1', '-0'],
  float8: ['NaN', 'Infinity', '-Infinity', '1.7976931348623157e+308', '5e-324', '0.1', '-0', '0.30000000000000004'],
  money: ['-92233720368547758.08', '1234.56'],
  bool: ['t', 'f'],
  text: [
    '', ' ', 'NULL', 'null', '\\', '\\N', '\\.', '"', '""', "'", 'a\nb\r\tc\v\f\b', '{a,b}', '(x,y)', '()', ',', '$1', '%s',
    'ÄÖ 漢字 🐘 👩‍👩‍👧', 'é', '\uFFFD', '\u0001\u007f', '\u00a0',
  ],
  varchar: ['', 'x'],
  'varchar(3)': ['abc', 'a  ', '', '漢字🐘'],
  'char(4)': ['a', 'abcd', ''],
  bpchar: ['a  ', '  '],
  '"char"': ['a', '\\377', '', '"'],
  name: ['a_name', 'Ünï'],
  bytea: ['\\x', '\\x00ff5c27', '\\x5c78'],
  date: ['infinity', '-infinity', '0044-03-15 BC', '4713-01-01 BC', '5874897-12-31', '2024-02-29'],
  time: ['24:00', '00:00:00.000001', '23:59:59.999999'],
  'time(0)': ['23:59:59'],
  timetz: ['24:00:00-12', '12:00:00.123456+05:45'],
  timestamp: ['infinity', '-infinity', '0001-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999', '2024-01-01 00:00:00.000001'],
  timestamptz: ['infinity', '-infinity', '0044-03-15 12:00:00.123456+00 BC', '2024-06-30 23:59:59.999999+09:30', '1883-11-18 12:03:58+00'],
  interval: ['-1 year -2 mons +3 days -04:05:06.789', '178000000 years', '00:00:00.000001', '1 mon -1 day', '-00:00:01'],
  json: ['{"n": 12345678901234567890, "n": 0.10, "x":  [ 1.0 ] }', 'null', '"\\u0041 \\\\ \\""', ' [ ] ', '{"a":\n1}'],
  jsonb: ['{"n": 12345678901234567890.10, "b": {"c": null}}', 'null', '"\\\\ \\" 漢"', '[]'],
  jsonpath: ['$.a[*] ? (@ > 1)'],
  uuid: ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  inet: ['::ffff:1.2.3.4/96', '10.0.0.1', '10.0.0.1/8'],
  cidr: ['10.0.0.0/8', '::/0'],
  macaddr: ['08:00:2b:01:02:03'],
  macaddr8: ['08:00:2b:01:02:03:04:05'],
  'bit(5)': ['10101'],
  'varbit(9)': ['', '101'],
  point: ['(1.5,-2)', '(NaN,Infinity)'],
  line: ['{1,2,3}'],
  lseg: ['[(0,0),(1,1)]'],
  box: ['(2,2),(0,0)'],
  path: ['((0,0),(1,1))', '[(0,0),(1,1)]'],
  polygon: ['((0,0),(1,1),(2,0))'],
  circle: ['<(0,0),5>'],
  oid: ['4294967295', '0'],
  xid: ['4294967295'],
  xid8: ['18446744073709551615'],
  cid: ['4294967295'],
  tid: ['(4294967295,65535)'],
  pg_lsn: ['16/B374D848', 'FFFFFFFF/FFFFFFFF'],
  txid_snapshot: ['10:20:10,14,15'],
  pg_snapshot: ['10:20:10,14,15'],
  tsvector: ["'a':1A 'it''s':2 'b\\\\c':3", ''],
  tsquery: ["'a' & !'b'"],
  int4range: ['empty', '[1,10)', '(,)', '[1,)'],
  int8range: ['[-9223372036854775808,9223372036854775807)'],
  numrange: ['(0.10,1.1]'],
  daterange: ['[infinity,]', '["0044-03-15 BC",2024-01-01)'],
  tsrange: ['("2024-01-01 00:00:00.000001","294276-12-31 23:59:59.999999"]'],
  tstzrange: ['["2024-01-01 00:00:00+00",infinity)'],
  '"text range"': ['[a,"b c")', '["\\"",)'],
  'int4[]': ['{}', '{1,NULL,-3}', '{{1,2},{3,4}}', '[0:1]={5,6}', '[-2:-1][3:3]={{1},{2}}'],
  'text[]': ['{}', '{NULL,"NULL","",a b,"\\"","\\\\","{x}",","}', '{{"a,b","c\\\\d"},{"é","\\"q\\""}}'],
  'numeric[]': ['{NaN,0.10,1e-30}'],
  'jsonb[]': ['{"{\\"a\\": \\"b\\\\\\\\c\\"}",NULL}'],
  'timestamptz[]': ['{infinity,"2024-01-01 00:00:00+00"}'],
  'bytea[]': ['{"\\\\x00ff"}'],
  'int4range[]': ['{empty,"[1,3)"}'],
  'box[]': ['{(2,2),(0,0);(3,3),(1,1)}'],
  mood: ['sad', `it's "odd", \\ so`, '漢🐘'],
  'mood[]': ['{sad,NULL}'],
  '"Odd Type"': ['one', 'Two, "three"'],
  positive: ['1', '2147483647'],
  short: ['abc', ''],
  'positive[]': ['{1,2}'],
  place: ['(1,"a ""quoted"", \\\\ one","{x,NULL}")', '(,,)', '(2,"",{})'],
  'place[]': ['{"(1,\\"a b\\",\\"{y}\\")",NULL}'],
  nested: ['("(1,""a """"b"""" \\\\\\\\"",{})",sad)', '(,)', '("(,,)",)'],
  hstore: ['', '"a"=>"1", "b c"=>NULL, "q\\""=>"\\\\"'],
  citext: ['MiXed'],
  ltree: ['a.b.c', ''],
  regclass: ['public.everything', 'pg_class'],
  regtype: ['int4', 'timestamp without time zone', 'public.mood'],
  'regtype[]': ['{int4,"timestamp without time zone"}'],
  regproc: ['pg_catalog.now'],
  regprocedure: ['pg_catalog.abs(int4)'],
  regrole: ['pg_monitor'],
  regnamespace: ['public'],
};

/** Types and values that only newer servers know. */
export const NEWER: readonly { readonly since: number; readonly types: Readonly<Record<string, readonly string[]>> }[] = [
  {
    since: 14,
    types: {
      'numeric[]': ['{Infinity,-Infinity,NaN,0.10,1e-30}'],
      int4multirange: ['{}', '{[1,3),[5,7)}', '{(,)}'],
      nummultirange: ['{}', '{[1.0,2.5),(7,)}'],
      datemultirange: ['{["0044-03-15 BC",2024-01-01)}'],
    },
  },
  { since: 17, types: { 'interval second': ['infinity', '-infinity'] } },
];

/** Needs a server that was built with libxml. */
export const XML = { xml: ['<a>&amp;<b x="1"/></a>', 'no element', '<?xml version="1.0"?><a>\n</a>'] };

/** Extensions that some of the types come from. */
export const EXTENSIONS = { hstore: 'hstore', citext: 'citext', ltree: 'ltree' } as const;

export const TYPE_DEFINITIONS = `
  CREATE TYPE mood AS ENUM ('sad', 'it''s "odd", \\ so', '漢🐘');
  CREATE TYPE "Odd Type" AS ENUM ('one', 'Two, "three"');
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE DOMAIN short AS varchar(3);
  CREATE TYPE place AS (n int, label text, tags text[]);
  CREATE TYPE nested AS (where_ place, how mood);
  CREATE TYPE "text range" AS RANGE (subtype = text);
`;
