/** The highest `integer` of PostgreSQL. What counts up from 1 there is never that high: what is higher is as far ahead. */
export const integerMax: number = 2 ** 31 - 1;
