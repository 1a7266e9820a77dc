import type { MetricDeclaration } from '../../src/app/metric-names.ts';

/** What is wrong with an expression of Prometheus, as far as its metrics and its grammar tell. */
export interface Checked {
  readonly faults: readonly string[];
  /** Labels that its result has. */
  readonly labels: readonly string[];
}

const AGGREGATIONS = new Set(['sum', 'min', 'max', 'avg', 'count', 'topk', 'bottomk']);
const RANGE_FUNCTIONS = new Set(['rate', 'increase', 'delta', 'max_over_time', 'min_over_time', 'avg_over_time']);
const FUNCTIONS = new Set(['abs', 'time', 'histogram_quantile', 'clamp_min', 'clamp_max', 'vector', 'absent']);
const OPERATORS = new Set(['and', 'or', 'unless']);
const MATCHING = new Set(['on', 'ignoring', 'group_left', 'group_right']);

type Metrics = Readonly<Record<string, MetricDeclaration>>;

/** Reads an expression from its first to its last sign; what it does not understand is a fault. */
export function checkPromql(expr: string, metrics: Metrics): Checked {
  const reader = new Reader(expr, metrics);
  const labels = reader.expression();
  if (reader.rest !== '') reader.faults.push(`does not understand ${reader.rest}`);
  if (reader.seen === 0) reader.faults.push(`no metric in ${expr}`);
  return { faults: reader.faults, labels };
}

class Reader {
  readonly faults: string[] = [];
  seen = 0;
  rest: string;
  readonly #metrics: Metrics;

  constructor(text: string, metrics: Metrics) {
    this.rest = text.trim();
    this.#metrics = metrics;
  }

  #take(pattern: RegExp): string | undefined {
    const found = new RegExp(`^(?:${pattern.source})`).exec(this.rest)?.[0];
    if (found !== undefined) this.rest = this.rest.slice(found.length).trimStart();
    return found;
  }

  #expect(pattern: RegExp, what: string): string {
    const found = this.#take(pattern);
    if (found === undefined) this.faults.push(`expected ${what} before "${this.rest}"`);
    return found ?? '';
  }

  #names(): string[] {
    this.#expect(/\(/, '(');
    const names = this.#expect(/[a-z_, ]*/, 'labels').split(',').map((name) => name.trim()).filter((name) => name !== '');
    this.#expect(/\)/, ')');
    return names;
  }

  /** Operands with operators between them; the labels of the first that has some. */
  expression(): readonly string[] {
    let labels = this.#operand();
    while (this.faults.length === 0) {
      const operator = this.#take(/==|!=|>=|<=|[-+*/<>]|(?:and|or|unless)\b/);
      if (operator === undefined) break;
      if (OPERATORS.has(operator) || /[-+*/]/.test(operator)) {
        while (MATCHING.has(/^[a-z_]+/.exec(this.rest)?.[0] ?? '')) {
          this.#take(/[a-z_]+/);
          const names = this.#names();
          for (const name of names) if (!labels.includes(name)) this.faults.push(`no label ${name} to match on`);
        }
      }
      const other = this.#operand();
      // A number beside a metric has no labels, and takes none away.
      if (labels.length === 0) labels = other;
    }
    return labels;
  }

  #operand(): readonly string[] {
    if (this.#take(/-?[0-9.]+(?:e[0-9]+)?/) !== undefined) return [];
    if (this.#take(/\(/) !== undefined) {
      const labels = this.expression();
      this.#expect(/\)/, ')');
      return labels;
    }
    const name = this.#expect(/[a-z_][a-z0-9_]*/, 'a metric, a function or a number');
    if (AGGREGATIONS.has(name)) return this.#aggregation();
    if (RANGE_FUNCTIONS.has(name) || FUNCTIONS.has(name)) return this.#call(name);
    return name === '' ? [] : this.#selector(name, undefined);
  }

  #aggregation(): readonly string[] {
    const by = this.#take(/by\b/) === undefined ? [] : this.#names();
    this.#expect(/\(/, '(');
    const labels = this.expression();
    this.#expect(/\)/, ')');
    for (const name of by) if (!labels.includes(name)) this.faults.push(`no label ${name} to group by`);
    return by;
  }

  #call(name: string): readonly string[] {
    this.#expect(/\(/, '(');
    if (name === 'time') {
      this.#expect(/\)/, ')');
      return [];
    }
    if (name === 'histogram_quantile') {
      this.#expect(/0\.\d+/, 'a quantile');
      this.#expect(/,/, ',');
    }
    const labels = RANGE_FUNCTIONS.has(name) ? this.#selector(this.#expect(/[a-z_][a-z0-9_]*/, 'a metric'), name) : this.expression();
    this.#expect(/\)/, ')');
    if (name !== 'histogram_quantile') return labels;
    if (!labels.includes('le')) this.faults.push('a quantile without the label le');
    return labels.filter((label) => label !== 'le');
  }

  #selector(name: string, within: string | undefined): readonly string[] {
    this.seen += 1;
    const part = /_(?:bucket|sum|count)$/.exec(name)?.[0];
    const base = this.#metrics[name] ?? (part === undefined ? undefined : this.#metrics[name.slice(0, -part.length)]);
    if (base === undefined) {
      this.faults.push(`${name} is no metric`);
      return [];
    }
    const histogram = base.type === 'histogram';
    if (histogram !== (this.#metrics[name] === undefined)) this.faults.push(`${name} is ${histogram ? 'a histogram, of which _bucket, _sum and _count are asked' : 'no histogram'}`);
    const grows = histogram || base.type === 'counter';
    if (grows !== (within === 'rate' || within === 'increase')) this.faults.push(`${name} ${grows ? 'is a counter, of which only the growth tells something' : 'does not only grow'}`);
    const labels = part === '_bucket' ? [...base.labels, 'le'] : base.labels;
    if (this.#take(/\{/) !== undefined) {
      do {
        const label = this.#expect(/[a-z_]+/, 'a label');
        if (!labels.includes(label)) this.faults.push(`${name} has no label ${label}`);
        this.#expect(/=~|!~|!=|=/, 'a comparison');
        this.#expect(/"[^"]*"/, 'a text in quotes');
      } while (this.#take(/,/) !== undefined);
      this.#expect(/\}/, '}');
    }
    const range = this.#take(/\[(?:[0-9]+[smhd]|\$__rate_interval)\]/);
    if ((range !== undefined) !== (within !== undefined)) this.faults.push(range === undefined ? `${name} without a range` : `${name} with a range that nothing takes`);
    return labels;
  }
}
