// Package guest shows a guest as a file system, live or captured.
//
// What is not a file is looked at by package look and made to happen by package
// trial. What they find out is left as text under vmspec/, beside the guest's
// own files, so that it is captured, replayed and reviewed as /proc/interrupts
// is:
//
//	vmspec/agreement   the counter, read without a pause and by CPUs in turn
//	vmspec/arch        GOARCH of the suite
//	vmspec/clock       the real-time clock's seconds against the counter
//	vmspec/context     "pid1" where the suite booted the guest, else "program"
//	vmspec/counter     the generic timer's counter, read without a pause
//	vmspec/disks       blocks that were read of each disk
//	vmspec/efi         the UEFI system table, where /dev/mem shows it
//	vmspec/entropy     how many random bytes the hardware's source gave
//	vmspec/image       what was read of the disk from which the guest was booted
//	vmspec/input       what was typed on the terminals, where that was asked for
//	vmspec/kmsg        the kernel's log, a message a line with its time stamp
//	vmspec/modules     what became of each module the suite wanted loaded
//	vmspec/mounts      why efivarfs could not be mounted
//	vmspec/network     the interfaces brought up, and who offered an address
//	vmspec/offline     secondary CPUs that were taken offline and back
//	vmspec/parameters  the suite's parameters from SMBIOS OEM strings
//	vmspec/ports       which ports of a virtio console could be opened
//	vmspec/smbios      SMBIOS's version, and how many structures it has of each type
//	vmspec/ticks       the dead-timer test where the counter cannot be read
//	vmspec/timer       interrupts of the timer on each CPU, before and after sleeps, and one-shots
//	vmspec/touch       pages that were written and read back, and where they lie
//	vmspec/tpm         the TPM's family, manufacturer and PCR banks
//	vmspec/variables   a UEFI variable that was made, read, extended and deleted
//
// # A captured guest
//
// A capture is a .tar.gz of the notes above and of these files, where the guest
// has them. Its first file, MANIFEST, says which patterns it covers and what
// could not be read: below them absence is a fact, elsewhere nothing is known.
//
//	boot/config-*, lib/modules/*      the kernel's configuration, and what its modules drive
//	proc                              cmdline config.gz consoles cpuinfo filesystems interrupts
//	                                  iomem meminfo modules version self/mountinfo
//	                                  sys/kernel/osrelease tty/drivers tty/driver/*
//	sys/block                         size, block size and driver of each disk
//	sys/bus                           acpi (names), amba, pci (with configuration space and
//	                                  BARs), pci_express, platform, virtio, xen: drivers and nodes;
//	                                  which of the drivers of probes/device there are
//	sys/class                         dmi/id (vendor, version, date, product), net (type, state,
//	                                  MTU, driver), rtc (name), tpm (version), tty
//	sys/devices/system                clocksource, cpu
//	sys/firmware/acpi/tables          names of all; FACP APIC GTDT SPCR DBG2 MCFG PPTT IORT DSDT
//	sys/firmware/efi                  systab, word size, names of the variables, and the
//	                                  contents of BootCurrent, BootOrder and Boot####
//	sys/firmware/fdt                  the device tree
//	sys/hypervisor                    type, version, features, kind of guest
//	sys/kernel                        debug/psci, debug/devices_deferred, the TPM's event log
//	sys/module                        names
//
// It holds no other variable of UEFI, no Ethernet address and no serial number
// or UUID of the machine: interfaces are captured without their addresses and
// SMBIOS as counts, and where such a number stands within another file (the
// command line, the device tree, the kernel's log, a boot variable's device
// path) its digits are overwritten. The configuration space of a PCI function
// is as the function shows it.
package guest
