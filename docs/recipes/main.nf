// nextflow run docs/recipes/main.nf --file network.yaml
// The file is run for each time constant; each run has a folder of its own, and is not run again with -resume.
params.file = 'network.yaml'
params.taus = [5, 10, 20]

process simulate {
    cpus 1
    publishDir 'runs', mode: 'copy'

    input:
    path file
    each tau

    output:
    path "${tau}ms"

    script:
    """
    snnrun run ${file} --set 'tau=${tau} ms' --threads ${task.cpus} --out-folder ${tau}ms
    """
}

workflow {
    simulate(file(params.file), params.taus)
}
