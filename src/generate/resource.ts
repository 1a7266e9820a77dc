import type { TableName } from '../model/names.ts';
import type { ColumnType } from './column-kind.ts';
import type { ConstraintDefinition } from './template/lib/table.ts';

/** One column as the API shows it, under the name it has in the database. */
export interface ApiColumn extends ColumnType {
  readonly name: string;
  /** As the server spells it. */
  readonly sqlType: string;
  readonly nullable: boolean;
  /** A create request must have it. */
  readonly required: boolean;
  /** Written by the database alone. */
  readonly readOnly: boolean;
  /** Written by clients, never shown. */
  readonly writeOnly: boolean;
  readonly comment?: string;
  /** Set when the column refers to a table outside the service: that table. */
  readonly cutFrom?: TableName;
}

/** A key's part in a path. */
export interface KeyPart {
  readonly column: ApiColumn;
  /** The path parameter's name; the column's own where that can be one. */
  readonly parameter: string;
}

/** `GET /users/{id}/sessions`: the rows of another resource that refer to one row of this one. */
export interface ApiRelation {
  /** The last segment of the path. */
  readonly path: string;
  readonly child: string;
  /** Pairs of the child's column and the key part it holds. */
  readonly columns: readonly { readonly child: string; readonly parameter: string }[];
}

/** One table or view as a REST resource. */
export interface ApiResource {
  readonly tableName: TableName;
  readonly schema: string;
  readonly table: string;
  /** `order-items`: the path segment and the folder. */
  readonly path: string;
  /** `OrderItem` */
  readonly type: string;
  /** `OrderItems` */
  readonly collection: string;
  /** `orderItems` */
  readonly variable: string;
  /** `order item` */
  readonly singular: string;
  /** `order items` */
  readonly plural: string;
  readonly comment?: string;
  readonly view: boolean;
  readonly columns: readonly ApiColumn[];
  readonly key: readonly KeyPart[];
  readonly relations: readonly ApiRelation[];
  readonly constraints: readonly ConstraintDefinition[];
}

/** Columns a create request may have. */
export const creatable = (resource: ApiResource): ApiColumn[] => resource.columns.filter((column) => !column.readOnly);

/** Columns a replace or patch request may have: a key is never changed. */
export const changeable = (resource: ApiResource): ApiColumn[] =>
  creatable(resource).filter((column) => !resource.key.some((part) => part.column === column));

export const visible = (resource: ApiResource): ApiColumn[] => resource.columns.filter((column) => !column.writeOnly);

export const canRead = (resource: ApiResource): boolean => resource.key.length > 0;
export const canCreate = (resource: ApiResource): boolean => !resource.view;
export const canChange = (resource: ApiResource): boolean => !resource.view && canRead(resource) && changeable(resource).length > 0;
export const canDelete = (resource: ApiResource): boolean => !resource.view && canRead(resource);

/** How many operations the resource has. */
export function endpointCount(resource: ApiResource): number {
  return (
    1 +
    (canCreate(resource) ? 1 : 0) +
    (canRead(resource) ? 1 : 0) +
    (canChange(resource) ? 2 : 0) +
    (canDelete(resource) ? 1 : 0) +
    resource.relations.length
  );
}
