/*
 * workspace.tsx
 *   The page of somebody who is signed in: header, one of the pages, what lies over it.
 */
import type { ReactElement } from 'react';
import { StockContext, useStockIndex } from '../stock/stock-index';
import { StockPage } from '../stock/stock-page';
import { Header } from './header';

export function Workspace(): ReactElement {
  return (
    <StockContext value={useStockIndex()}>
      <Header />
      <StockPage />
    </StockContext>
  );
}
