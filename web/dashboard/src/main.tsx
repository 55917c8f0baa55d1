/*
 * main.tsx
 *   Where the page begins.
 */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles/tokens.css';
import './styles/base.css';
import { Root } from './root';
import { start } from './session/app';
import { applyTheme } from './shell/theme';

applyTheme();
const element = document.getElementById('root');
if (!element) throw new Error('the page has no #root');
createRoot(element).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
void start();
