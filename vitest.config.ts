import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['properties/**/*.property.test.ts'],
    testTimeout: 120_000,
    // Left alone, vitest keeps one core for itself and so uses one of two.
    maxWorkers: '100%',
    // No module keeps state that a test could meet; loading all of them for every file would cost as much as the tests.
    isolate: false,
  },
});
