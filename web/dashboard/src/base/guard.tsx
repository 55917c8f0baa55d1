/*
 * guard.tsx
 *   A part of the page that fails does not take the rest with it.
 */
import { Component, type ReactNode } from 'react';

interface Props {
  readonly onFailure?: (error: unknown) => void;
  /** What stands in its place. */
  readonly fallback: ReactNode;
  readonly children: ReactNode;
}

export class Guard extends Component<Props, { readonly hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override componentDidCatch(error: unknown): void {
    this.props.onFailure?.(error);
  }

  override render(): ReactNode {
    return this.state.hasFailed ? this.props.fallback : this.props.children;
  }
}
