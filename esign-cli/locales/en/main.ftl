sign-done = { $file }: signed, written to { $target }
