# SPDX-License-Identifier: MIT
# Turns `nm -n` of the kernel into the symbol table that the kernel carries: addresses, types, names.
# Sorted by address; a global name comes before a local one at the same address, so look-ups prefer it.
$2 !~ /^[tTrRdDbBwWVv]$/ { next }
$3 ~ /^(\.L|__UNIQUE_ID_|__func__\.|__compound_literal|_eil_addr_|_kbl_addr_|__syscall_entry_|__initcall_|__setup_|bpf_helper_entry_)/ { next }
$1 !~ /^ffffffff[89a-f]/ { next }
{
  n++
  address[n] = $1; type[n] = $2; name[n] = $3
}
END {
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && address[j] == address[j - 1] && type[j] ~ /[TDRB]/ && type[j - 1] !~ /[TDRB]/; j--) {
      t = type[j]; type[j] = type[j - 1]; type[j - 1] = t
      t = name[j]; name[j] = name[j - 1]; name[j - 1] = t
    }
  print "\t.section .kallsyms, \"a\""
  print "\t.globl kallsyms_count, kallsyms_addresses, kallsyms_name_offsets, kallsyms_names"
  print "\t.balign 8\nkallsyms_count: .quad " n
  print "kallsyms_addresses:"
  for (i = 1; i <= n; i++) print "\t.quad 0x" address[i]
  print "kallsyms_name_offsets:"
  at = 0
  for (i = 1; i <= n; i++) { print "\t.long " at; at += length(name[i]) + 2 }
  print "kallsyms_names:"
  for (i = 1; i <= n; i++) print "\t.asciz \"" type[i] name[i] "\""
  print "\t.section .note.GNU-stack, \"\", @progbits"
}
