import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['properties/**/*.property.test.ts'],
    testTimeout: 120_000,
    // Left alone, vitest keeps one core for itself and so uses one of two.
    maxWorkers: '100%',
  },
});
