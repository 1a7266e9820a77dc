/**
 * One line of the journal: one request of one visitor, written when it ended. The journal is what the clients saw,
 * and the only evidence that is used to say whether something was lost.
 */
export interface JournalEntry {
  /** When it was sent, in milliseconds since 1970. */
  readonly t: number;
  /** The visitor's `vid` cookie; empty on his very first request. One visitor sends one request after the other. */
  readonly visitor: string;
  readonly method: string;
  readonly path: string;
  /** The HTTP status; null when there was no whole answer. */
  readonly status: number | null;
  /** From sending to the whole answer, in milliseconds. */
  readonly ms: number;
  /** Which side answered: the header `x-banyan-side`. */
  readonly side?: string;
  /** Which program answered: the header `x-served-by`. */
  readonly servedBy?: string;
  /** The session (its id) whose cookie was sent. */
  readonly session?: string;
  /** Refusals that this request was made to provoke or may meet; any other 4xx is a failure. */
  readonly may?: readonly number[];
  readonly error?: string;
  /** What was acknowledged with 2xx. */
  readonly write?: Write;
  /** What was sent but got no answer or 5xx: it may have happened, and may still happen. */
  readonly attempt?: Write;
  readonly read?: ProfileRead | AddressesRead;
}

export interface ProfileRead {
  readonly kind: 'profile';
  readonly userId: string;
  readonly version: number;
  readonly displayName: string;
}

export interface AddressesRead {
  readonly kind: 'addresses';
  readonly userId: string;
  /** The first line of each of the user's addresses, by id. */
  readonly lines: Readonly<Record<string, string>>;
}

/** A write as sent, with what the answer told of it. Keys that the server gives are absent in an attempt. */
export type Write =
  | { readonly kind: 'register'; readonly email: string; readonly displayName: string; readonly userId?: string }
  | { readonly kind: 'login'; readonly userId?: string; readonly sessionId?: string }
  | { readonly kind: 'logout'; readonly sessionId: string }
  | ProfileWrite
  | AddressWrite
  | { readonly kind: 'cart'; readonly variantId: number; readonly quantity: number }
  | OrderWrite
  | PaymentWrite
  | { readonly kind: 'ticket'; readonly userId: string; readonly subject: string; readonly ticketId?: string };

export interface ProfileWrite {
  readonly kind: 'profile';
  readonly userId: string;
  /** Unique to this write. */
  readonly displayName: string;
  /** SHA-256 of the text, in hex. */
  readonly biography?: string;
  readonly preference?: { readonly key: string; readonly value: string };
  readonly version?: number;
}

interface AddressWrite {
  readonly kind: 'address';
  readonly userId: string;
  /** Unique to this write. */
  readonly line1: string;
  /** Absent in an attempt to add one. */
  readonly addressId?: string;
}

export interface OrderItem {
  readonly variantId: number;
  readonly quantity: number;
  readonly unitPrice?: string;
}

export interface OrderWrite {
  readonly kind: 'order';
  readonly userId: string;
  /** Unique to this write. */
  readonly reference: string;
  readonly items: readonly OrderItem[];
  readonly orderId?: string;
  readonly total?: string;
  readonly paymentId?: string;
}

interface PaymentWrite {
  readonly kind: 'payment';
  readonly orderId: string;
  /** Unique to this write. */
  readonly token: string;
  readonly paymentId?: string;
  readonly amount?: string;
}

/** No whole answer, or one that says nothing of what was done. */
export const isUnknown = (status: number | null): boolean => status === null || status >= 500;
