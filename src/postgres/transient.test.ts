import { describe, expect, it } from 'vitest';
import { BanyanError } from '../core/errors.ts';
import { isTransient, sqlState } from './transient.ts';

const withCode = (code: string, message = 'failed'): Error => Object.assign(new Error(message), { code });
const stream = (details: Record<string, string>, cause?: unknown): BanyanError =>
  new BanyanError('BANYAN_WAL_STREAM', { message: 'ended', details, cause });

describe('isTransient', () => {
  it.each([
    '40000', '40001', '40002', '40003', '40P01',
    '53000', '53100', '53200', '53300', '53400',
    '55006', '55P03', '25006', '25P03', '25P04',
    '57000', '57014', '57P01', '57P02', '57P03', '57P04', '57P05',
    '58000', '58030', '58P01', '58P02',
    '08000', '08001', '08003', '08004', '08006', '08007', '08P01',
  ])('waits for SQLSTATE %s to pass', (code) => {
    expect(isTransient(withCode(code))).toBe(true);
    expect(isTransient(stream({ sqlState: code }))).toBe(true);
  });

  it.each([
    '22000', '22001', '22003', '22007', '22008', '22021', '22P02', '22P05', '2200N',
    '23000', '23001', '23502', '23503', '23505', '23514', '23P01', '44000', '54000', 'P0001', 'AB123',
    '42501', '42P01', '42703', '42804', '428C9', '0A000', '25P02', '55000', 'XX000', '28P01', '3D000',
  ])('gives up at SQLSTATE %s', (code) => {
    expect(isTransient(withCode(code))).toBe(false);
    expect(isTransient(new BanyanError('BANYAN_CONNECT', { message: 'no', cause: withCode(code) }))).toBe(false);
  });

  // EPIPE has five letters, as an SQLSTATE has.
  it.each(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ENOTFOUND'])('takes %s for a lost connection', (code) => {
    const error = withCode(code);
    expect(sqlState(error)).toBeUndefined();
    expect(isTransient(error)).toBe(true);
    expect(isTransient(new BanyanError('BANYAN_CONNECT', { message: 'no', cause: error }))).toBe(true);
    expect(isTransient(stream({}, error))).toBe(true);
  });

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
    'timeout expired',
    'timeout exceeded when trying to connect',
  ])('knows the driver\'s "%s"', (message) => {
    expect(isTransient(new Error(message))).toBe(true);
  });

  it('takes what was aborted for no fault of the values', () => {
    expect(isTransient(AbortSignal.abort().reason)).toBe(true);
    expect(isTransient(Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' }))).toBe(true);
  });

  it('gives up at faults of the program and at anything that is no error', () => {
    expect(isTransient(new TypeError('x is not a function'))).toBe(false);
    expect(isTransient(withCode('ERR_INVALID_ARG_TYPE'))).toBe(false);
    expect(isTransient(new BanyanError('BANYAN_WAL_FORMAT', { message: 'bad' }))).toBe(false);
    for (const value of [undefined, null, 'text', 7, {}]) expect(isTransient(value)).toBe(false);
  });
});
