sign-done = { $file }: imzalandı, { $target } faylına yazıldı
